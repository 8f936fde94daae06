import { Buffer, join, open, stat } from '#platform';
import type { EpochEvent, StartEvent, StepEvent } from '../events.js';
import { parseEventLine, runFiles, type LoggedEvent } from './readRun.js';

/** How far a run is. */
export interface RunProgress {
  epoch: number;
  epochs: number;
  step: number;
  steps: number;
  imagesPerSecond: number;
  /** In seconds, at that speed. */
  left: number;
}

const TAIL = 16_384;

/** How far a run is by the two ends of its log; undefined before its first step. */
export async function progressOf(dir: string): Promise<RunProgress | undefined> {
  const path = join(dir, runFiles.metrics);
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  if (size === 0) return undefined;
  const file = await open(path, 'r');
  try {
    const read = async (at: number): Promise<LoggedEvent[]> => {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(TAIL, size - at)), 0, undefined, at);
      const lines = buffer.toString('utf8', 0, bytesRead).split('\n');
      return lines.flatMap((line) => parseEventLine(line) ?? []);
    };
    const [first, last] = [await read(0), await read(Math.max(0, size - TAIL))];
    const start = [...first, ...last].findLast((event): event is LoggedEvent & StartEvent => event.type === 'start');
    const steps = last.filter((event): event is LoggedEvent & StepEvent => event.type === 'step');
    const step = steps.at(-1);
    if (!start || !step) return undefined;
    const { epochs, stepsPerEpoch, batchSize, trainingImages } = start;
    const all = epochs * stepsPerEpoch;
    // Whole epochs count their validation too.
    const epoch = [...first, ...last].findLast((event): event is LoggedEvent & EpochEvent => event.type === 'epoch');
    const speed = steps.reduce((sum, { imagesPerSecond }) => sum + imagesPerSecond, 0) / steps.length;
    const left = epoch
      ? ((all - step.step) / stepsPerEpoch) * epoch.seconds
      : ((all - step.step) * Math.min(batchSize, trainingImages)) / speed;
    return { epoch: step.epoch + 1, epochs, step: step.step, steps: all, imagesPerSecond: speed, left };
  } finally {
    await file.close();
  }
}
