import type { Command } from 'commander';
import type { DataSplits } from '../data/dataSplits.js';
import { UserError } from '../errors.js';
import { computingSchema, type RunSettings } from '../experiments/runSettings.js';
import type { TrainedNetwork } from '../experiments/run/saved.js';
import { listOf, orNull, text, wholeNumber } from '../rules.js';
import type { Schema } from '../experiments/settings/schema.js';
import { settle } from '../experiments/settings/settle.js';
import { givenInWords } from '../experiments/settings/written.js';
import { fieldList } from '../formats/text.js';
import { shownPath } from './output.js';
import { settingsHelp } from './settingsHelp.js';
import { untilStopped } from './stopSignals.js';

/** The settings of `sparsebook test`. */
export interface TestSettings extends Pick<RunSettings, 'backend' | 'threads'> {
  ckpt_path: string;
  data: string | null;
  latency: { batches: number[]; runs: number; warm_up: number };
}

/** Why the other settings of timing have no effect, if they have none. */
export const timesNone = ({ latency }: Pick<TestSettings, 'latency'>): string | undefined =>
  latency.batches.length === 0 ? 'latency.batches=[] times nothing' : undefined;

export const testSchema: Schema<TestSettings, Omit<TestSettings, 'data'>> = {
  ckpt_path: { default: '', rule: text('the path of a checkpoint'), help: 'the checkpoint to test' },
  data: {
    default: null,
    rule: orNull(text('synthetic, cifar10 or a folder'), 'those of the run'),
    help: 'the images',
  },
  ...computingSchema,
  latency: {
    batches: {
      default: [1, 128],
      rule: listOf(wholeNumber({ min: 1 })),
      help: 'how many images each timed pass has; [] times none',
    },
    runs: { default: 30, rule: wholeNumber({ min: 1 }), help: 'how many passes are timed', conflict: timesNone },
    warm_up: {
      default: 5,
      rule: wholeNumber({ min: 0 }),
      help: 'how many passes run before them, untimed',
      conflict: timesNone,
    },
  },
};

const examples = [
  'test ckpt_path=data/runs/RUN/checkpoints/best',
  'test ckpt_path=CHECKPOINT backend=simd threads=1 latency.batches=1',
];

const print = (line: string): void => void process.stdout.write(`${line}\n`);

/**
 * The images to measure a network with: its run's, or others, which are normalised as the run's were in training.
 * Prints a warning if they cannot be.
 */
async function imagesFor(network: TrainedNetwork, other: string | null): Promise<DataSplits> {
  const [{ Run }, { dataHash, describeData }] = await Promise.all([
    import('../experiments/run/run.js'),
    import('../data/dataSplits.js'),
  ]);
  const { saved, settings, checkpoint } = network;
  const { protocol } = saved;
  const trained = checkpoint.provenance?.data;
  const isOwn = (data: DataSplits): boolean => trained === undefined || trained.hash === dataHash(data);
  const ownImages = (): Promise<DataSplits> => new Run({ protocol, settings: saved.settings }).data();
  if (other === null) {
    const own = await ownImages();
    print(`data: ${describeData(own)}`);
    if (!isOwn(own)) print(`warning: the run had other images than these, by the name of ${trained!.name}.`);
    return own;
  }
  const sizes = { train: null, validation: null, test: null };
  const data = await new Run({ protocol, settings: { ...saved.settings, data: other, sizes } }).data();
  print(`data: ${describeData(data)}`);
  if (settings.normalise !== 'data') return data;
  const own = await ownImages().catch(() => undefined);
  if (own && isOwn(own)) return { ...data, train: own.train };
  print('warning: they are normalised by their own mean and deviation: the training images of the run are not here.');
  return data;
}

async function measureOnTerminal(settings: TestSettings, signal: AbortSignal): Promise<void> {
  // Imported when needed: settings and help need no tensors.
  const [{ useBackend }, { trainedNetwork }, { measure }, { measureLatency }, train] = await Promise.all([
    import('../backend/useBackend.js'),
    import('../experiments/run/saved.js'),
    import('../experiments/run/measure.js'),
    import('../compact/report/latency.js'),
    import('./trainOnTerminal.js'),
  ]);
  const { ckpt_path, backend, threads, latency } = settings;
  const { description } = await useBackend({ backend, threads: threads ?? undefined });
  const network = await trainedNetwork(ckpt_path);
  const { path, step } = network.checkpoint;
  print(`checkpoint: ${shownPath(path)}, ${network.saved.protocol.name} after ${step} steps`);
  const data = await imagesFor(network, settings.data);
  print(`backend: ${description}`);
  try {
    const measured = await measure(network, data, signal);
    const { name } = network.settings;
    process.stdout.write(fieldList(train.recordFields({ ...measured, name, run: shownPath(path), steps: step })));
    for (const batchSize of latency.batches) {
      const { runs, warm_up: warmUp } = latency;
      const {
        median,
        p10,
        p90,
        runs: timed,
      } = await measureLatency(network.model, batchSize, { runs, warmUp, signal });
      const [middle, low, high] = [median, p10, p90].map((ms) => ms.toFixed(ms < 10 ? 2 : 1));
      const what = batchSize === 1 ? 'one image' : `${batchSize} images`;
      print(`latency of ${what}: ${middle} ms (median of ${timed}; p10 ${low}, p90 ${high})`);
    }
    if (latency.batches.length > 0) print('Latency is that of the whole network: closed channels are computed too.');
  } finally {
    network.dispose();
  }
}

/** Adds `sparsebook test`. */
export function addTestCommand(program: Command): void {
  program
    .command('test')
    .summary('measure a trained network')
    .description('Measure the network of a checkpoint: accuracy, sparsity, size and how long it takes.')
    .argument('[key=value...]', 'settings; see below')
    .addHelpText('after', () => settingsHelp(testSchema, examples))
    .action(async (words: string[]) => {
      const settings = settle<TestSettings>(testSchema, givenInWords(words));
      if (settings.ckpt_path === '')
        throw new UserError(`ckpt_path must be the checkpoint to test; received none. Add ckpt_path=CHECKPOINT.`);
      await untilStopped((signal) => measureOnTerminal(settings, signal));
    });
}
