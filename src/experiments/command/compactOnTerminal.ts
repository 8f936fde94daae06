import type * as tf from '@tensorflow/tfjs';
import { useBackend } from '../../backend/useBackend.js';
import { onnxFile, saveOnnx } from '../../compact/export/onnx/onnx.js';
import { safetensorsFile, saveSafetensors } from '../../compact/export/safetensors.js';
import { saveTfjs, tfjsFolder } from '../../compact/export/tfjs.js';
import { compact, reportText } from '../../compact/index.js';
import { blankImages } from '../../data/dataSplits.js';
import { checkWritable } from '../../platform/writeFile.js';
import { checkFolderWritable } from '../../platform/writeFolder.js';
import { shownPath } from '../../cli/output.js';
import { untilStopped } from '../../cli/stopSignals.js';
import { loadCheckpoint } from '../../training/checkpoint/index.js';
import { asEvaluated } from '../asEvaluated.js';
import type { CompactSettings } from '../compactSettings.js';
import { readSavedRun } from '../savedRun.js';
import { restoredRun } from '../startRun.js';

const print = (text: string): void => void process.stdout.write(`${text}\n`);

interface Output {
  /** Refuses a path that cannot be written, before there is anything to write. */
  check(path: string): Promise<void>;
  save(model: tf.LayersModel, path: string): Promise<void>;
}

const outputs: Record<CompactSettings['format'], Output> = {
  tfjs: { check: (path) => checkFolderWritable(path, tfjsFolder), save: saveTfjs },
  safetensors: { check: (path) => checkWritable(path, safetensorsFile), save: saveSafetensors },
  onnx: { check: (path) => checkWritable(path, onnxFile), save: saveOnnx },
};

async function makeSmaller(settings: CompactSettings, signal: AbortSignal): Promise<void> {
  const { ckpt_path, backend, threads, latency, output, format, round_to, fold_batch_norm } = settings;
  const checkpoint = await loadCheckpoint(ckpt_path);
  const saved = readSavedRun(checkpoint.settings, checkpoint.path);
  if (output !== null) await outputs[format].check(output);
  const { description } = await useBackend({ backend, threads: threads ?? undefined });
  const run = await restoredRun(checkpoint, blankImages());
  print(`checkpoint: ${shownPath(checkpoint.path)}, ${saved.experiment.name} after ${checkpoint.step} steps`);
  print(`backend: ${description}\n`);
  try {
    await asEvaluated(run, async () => {
      const compaction = compact(run.model, run.channelMasks(), { roundTo: round_to, foldBatchNorm: fold_batch_norm });
      print(compaction.explain());
      const { batches, runs, warm_up: warmUp } = latency;
      process.stdout.write(reportText(await compaction.report({ batchSizes: batches, runs, warmUp, signal })));
      if (output !== null) {
        await outputs[format].save(compaction.model, output);
        print(`saved: ${shownPath(output)} (${format})`);
      }
      compaction.model.dispose();
    });
  } finally {
    run.dispose();
  }
}

/** Makes the network of a checkpoint smaller, prints what that wins and saves it; Ctrl-C ends it. */
export async function compactOnTerminal(settings: CompactSettings): Promise<void> {
  await untilStopped((signal) => makeSmaller(settings, signal));
}
