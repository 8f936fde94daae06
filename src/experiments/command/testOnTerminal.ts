import { useBackend } from '../../backend/useBackend.js';
import { describeData } from '../../data/dataSplits.js';
import { fieldList } from '../../formats/text.js';
import { shownPath } from '../../cli/output.js';
import { untilStopped } from '../../cli/stopSignals.js';
import { loadCheckpoint } from '../../training/checkpoint/index.js';
import { measureLatency } from '../../compact/report/latency.js';
import { asEvaluated } from '../asEvaluated.js';
import { readSavedRun } from '../savedRun.js';
import { restoredRun } from '../startRun.js';
import type { TestSettings } from '../testSettings.js';
import { loadImages } from './loadImages.js';

const print = (line: string): void => void process.stdout.write(`${line}\n`);

async function measure(settings: TestSettings, signal: AbortSignal): Promise<void> {
  const { ckpt_path, backend, threads, latency } = settings;
  const checkpoint = await loadCheckpoint(ckpt_path);
  const saved = readSavedRun(checkpoint.settings, checkpoint.path);
  const { description } = await useBackend({ backend, threads: threads ?? undefined });
  const data = await loadImages(settings.data === null ? saved.settings : { data: settings.data });
  print(`checkpoint: ${shownPath(checkpoint.path)}, ${saved.experiment.name} after ${checkpoint.step} steps`);
  print(`data: ${describeData(data)}`);
  print(`backend: ${description}`);
  const run = await restoredRun(checkpoint, data);
  try {
    const result = await asEvaluated(run, () => saved.experiment.result(run, signal));
    process.stdout.write(fieldList(result));
    for (const batchSize of latency.batches) {
      const { median, p10, p90, runs } = await measureLatency(run.model, batchSize, {
        runs: latency.runs,
        warmUp: latency.warm_up,
        signal,
      });
      const [middle, low, high] = [median, p10, p90].map((ms) => ms.toFixed(ms < 10 ? 2 : 1));
      print(
        `latency of ${batchSize === 1 ? 'one image' : `${batchSize} images`}: ${middle} ms (median of ${runs}; p10 ${low}, p90 ${high})`,
      );
    }
    if (latency.batches.length > 0) print('Latency is that of the whole network: closed channels are computed too.');
  } finally {
    run.dispose();
  }
}

/** Measures the network of a checkpoint and prints what it found; Ctrl-C ends it. */
export async function testOnTerminal(settings: TestSettings): Promise<void> {
  await untilStopped((signal) => measure(settings, signal));
}
