import type * as tf from '@tensorflow/tfjs';
import type { Command } from 'commander';
import type { LayerTimes } from '../compact/time/layerTimes.js';
import type { ImageSet } from '../data/imageSet.js';
import { UserError } from '../errors.js';
import { flag, oneOf, orNull, text, wholeNumber } from '../rules.js';
import type { TrainedNetwork } from '../experiments/run/saved.js';
import type { Schema } from '../experiments/settings/schema.js';
import { settle } from '../experiments/settings/settle.js';
import { givenInWords } from '../experiments/settings/written.js';
import { shownPath } from './output.js';
import { settingsHelp } from './settingsHelp.js';
import { untilStopped } from './stopSignals.js';
import { testSchema, timesNone, type TestSettings } from './test.js';

/** The formats that a small network can be saved in. */
export const exportFormats = ['tfjs', 'safetensors', 'onnx'] as const;

/** The settings of `sparsebook compact`. */
export interface CompactSettings extends Omit<TestSettings, 'data' | 'latency'> {
  latency: TestSettings['latency'] & { predict: boolean };
  output: string | null;
  format: (typeof exportFormats)[number];
  round_to: number;
  fold_batch_norm: boolean;
  precision: 'float32' | 'int8';
}

/** The number of training images that set the value ranges of an int8 network. */
const CALIBRATION = 256;

const { ckpt_path, backend, threads, latency } = testSchema;

/** The format that a file's ending names; undefined for any other ending. */
const byEnding = (output: string | null): CompactSettings['format'] | undefined =>
  (['safetensors', 'onnx'] as const).find((format) => output?.toLowerCase().endsWith(`.${format}`));

/** Endings of other programs' files, which format=tfjs refuses as the name of its folder. */
const foreign = /\.(h5|hdf5|keras|pb|pt|pth|tflite|npz|bin|json|zip)$/i;

export const compactSchema: Schema<CompactSettings> = {
  ckpt_path: { ...ckpt_path, help: 'the checkpoint whose network is made smaller' },
  backend,
  threads,
  latency: {
    ...latency,
    predict: {
      default: false,
      rule: flag,
      help: 'whether times are also predicted from those of the layers, which are measured once for a machine',
      conflict: timesNone,
    },
  },
  output: {
    default: null,
    rule: orNull(text('the path of a file, or of a folder for tfjs'), 'no file'),
    help: 'where the small network is saved; the endings .onnx and .safetensors set the format',
    conflict({ output, format }) {
      const ending = format === 'tfjs' && output !== null ? foreign.exec(output)?.[0] : undefined;
      return (
        ending && `no ${ending} file is written, and format=tfjs is a folder; there are ${exportFormats.join(', ')}`
      );
    },
  },
  format: {
    default: ({ output }) => byEnding(output) ?? 'tfjs',
    rule: oneOf(...exportFormats),
    help: "the format: TensorFlow.js's folder with model.json, one safetensors file, or one ONNX file",
    conflict({ output, format }) {
      if (output === null) return 'nothing is saved without output';
      const other = byEnding(output);
      return other && other !== format ? `output=${output} is called a file of the format ${other}` : undefined;
    },
  },
  round_to: {
    default: 1,
    rule: wholeNumber({ min: 1 }),
    help: 'widths are rounded up to a multiple of this; 4 suits CPUs',
  },
  fold_batch_norm: {
    default: ({ precision }) => precision === 'int8',
    rule: flag,
    help: 'whether batch norms become part of the layers before them, for a network that is only run',
  },
  precision: {
    default: 'float32',
    rule: oneOf('float32', 'int8'),
    help: `what convolutions and dense layers compute with; int8 means whole numbers, in ranges that ${CALIBRATION} training images show`,
  },
};

const examples = [
  'compact ckpt_path=data/runs/RUN/checkpoints/last',
  'compact ckpt_path=CHECKPOINT output=small.onnx round_to=4 fold_batch_norm=true',
  'compact ckpt_path=CHECKPOINT output=small.safetensors precision=int8',
];

const print = (text: string): void => void process.stdout.write(`${text}\n`);

interface Output {
  /** Refuses a path that cannot be written, before there is anything to write. */
  check(path: string): Promise<void>;
  save(model: tf.LayersModel, path: string): Promise<void>;
}

// Imported when needed: settings and help need no tensors.
const outputs: Record<CompactSettings['format'], () => Promise<Output>> = {
  async tfjs() {
    const [{ saveTfjs, tfjsFolder }, { checkFolderWritable }] = await Promise.all([
      import('../compact/export/tfjs.js'),
      import('../platform/writeFolder.js'),
    ]);
    const save: Output['save'] = async (model, path) => {
      const left = await saveTfjs(model, path);
      if (left.length > 0)
        print(`It has layers of ${left.join(', ')}: a program that loads it must import 'sparsebook'.`);
    };
    return { check: (path) => checkFolderWritable(path, tfjsFolder), save };
  },
  async safetensors() {
    const [{ safetensorsFile, saveSafetensors }, { checkWritable }] = await Promise.all([
      import('../compact/export/safetensors.js'),
      import('../platform/writeFile.js'),
    ]);
    return { check: (path) => checkWritable(path, safetensorsFile), save: saveSafetensors };
  },
  async onnx() {
    const [{ onnxFile, saveOnnx }, { checkWritable }] = await Promise.all([
      import('../compact/export/onnx.js'),
      import('../platform/writeFile.js'),
    ]);
    return { check: (path) => checkWritable(path, onnxFile), save: saveOnnx };
  },
};

/**
 * The images of a network's run, normalised as in training: some for calibration, and the test images with their
 * labels.
 */
async function imagesOf({ saved, settings }: TrainedNetwork): Promise<{
  calibration: tf.Tensor;
  test: { images: tf.Tensor; labels: ArrayLike<number> };
}> {
  const [{ batches }, { inputOf }, { normalisationOf }, { Run }] = await Promise.all([
    import('../data/batches.js'),
    import('../training/loss.js'),
    import('../experiments/recipe.js'),
    import('../experiments/run/run.js'),
  ]);
  const data = await new Run({ protocol: saved.protocol, settings: saved.settings }).data();
  const normalise = normalisationOf(settings, data.train);
  const first = (set: ImageSet, batchSize: number): tf.Tensor => {
    const [batch] = batches(set, { batchSize: Math.min(batchSize, set.labels.length), normalise });
    return inputOf(batch).x;
  };
  const images = first(data.test, data.test.labels.length);
  return { calibration: first(data.train, CALIBRATION), test: { images, labels: data.test.labels } };
}

async function makeSmaller(settings: CompactSettings, signal: AbortSignal): Promise<void> {
  const { ckpt_path, backend, threads, latency, output, format, round_to, fold_batch_norm, precision } = settings;
  const [{ useBackend }, { compact }, { reportText }, { trainedNetwork }, { layerTimes }] = await Promise.all([
    import('../backend/useBackend.js'),
    import('../compact/shrink/compact.js'),
    import('../compact/report/compactionReport.js'),
    import('../experiments/run/saved.js'),
    import('../compact/time/layerTimes.js'),
  ]);
  const writer = await outputs[format]();
  if (output !== null) await writer.check(output);
  const { description } = await useBackend({ backend, threads: threads ?? undefined });
  const network = await trainedNetwork(ckpt_path);
  const { path, step } = network.checkpoint;
  print(`checkpoint: ${shownPath(path)}, ${network.saved.protocol.name} after ${step} steps`);
  print(`backend: ${description}\n`);
  try {
    const whole = precision === 'int8' ? await imagesOf(network) : undefined;
    const compaction = compact(network.model, network.channelMasks(), {
      ...{ roundTo: round_to, foldBatchNorm: fold_batch_norm, precision, calibration: whole?.calibration },
    });
    print(compaction.explain());
    const { batches, runs, warm_up: warmUp, predict } = latency;
    const times: LayerTimes[] = [];
    for (const batchSize of predict ? batches : []) times.push(await layerTimes(network.model, { batchSize, signal }));
    const report = await compaction.report({ ...whole?.test, batchSizes: batches, runs, warmUp, times, signal });
    process.stdout.write(reportText(report));
    if (output !== null) {
      await writer.save(compaction.model, output);
      print(`saved: ${shownPath(output)} (${format})`);
    }
    compaction.model.dispose();
    compaction.float?.dispose();
  } finally {
    network.dispose();
  }
}

/** Adds `sparsebook compact`. */
export function addCompactCommand(program: Command): void {
  program
    .command('compact')
    .summary('make a trained network smaller')
    .description(
      'Remove what the network of a checkpoint does not need, print what that saves, and save the smaller network.',
    )
    .argument('[key=value...]', 'settings; see below')
    .addHelpText('after', () => settingsHelp(compactSchema, examples))
    .action(async (words: string[]) => {
      const settings = settle<CompactSettings>(compactSchema, givenInWords(words));
      if (settings.ckpt_path === '') {
        throw new UserError(
          'ckpt_path must be the checkpoint to make smaller; received none. Add ckpt_path=CHECKPOINT.',
        );
      }
      await untilStopped((signal) => makeSmaller(settings, signal));
    });
}
