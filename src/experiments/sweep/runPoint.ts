import { basename } from 'node:path';
import { useBackend } from '../../backend/useBackend.js';
import { dataHash, type DataSplits } from '../../data/dataSplits.js';
import { UserError } from '../../errors.js';
import type { ExperimentSettings } from '../experimentSettings.js';
import { readRecord } from '../run/record.js';
import { protocolWarnings } from '../protocols/protocol.js';
import { Run } from '../run/run.js';
import { halfOf, imagesOf, lengthOf } from '../run/session.js';
import { refusedPoint, settingsOfPoint, titleOf, type SweepPoint } from './points.js';
import { protocolNamed } from './spec.js';
import { checkpointIn, type Sweep } from './sweep.js';

/**
 * Loads images by the settings that name them, and keeps the last ones, since the points of a sweep mostly share them.
 */
export class SharedImages {
  private key = '';
  private images?: Promise<DataSplits>;
  private halves = new Map<string, { imagesHash: string; trained: number }>();

  /** The images of an experiment, the hash of those that it uses, and how many it is trained on. */
  async of(settings: ExperimentSettings): Promise<{ images: DataSplits; imagesHash: string; trained: number }> {
    const { data, sizes, image_size, classes, half } = settings;
    const key = JSON.stringify({ data, sizes, image_size, classes });
    if (key !== this.key) {
      this.images = imagesOf(settings);
      this.key = key;
      this.halves.clear();
    }
    const images = await this.images!.catch((error: unknown) => {
      // What is missing now may be there for the next point.
      this.key = '';
      throw error;
    });
    const used = this.halves.has(half) ? undefined : halfOf(images, half);
    if (used) this.halves.set(half, { imagesHash: dataHash(used), trained: used.train.labels.length });
    return { images, ...this.halves.get(half)! };
  }
}

/** The run of a point, from the checkpoint `start` if it starts from another point. */
async function runOfPoint(sweep: Sweep, point: SweepPoint, shared: SharedImages, start?: string): Promise<Run> {
  const protocol = protocolNamed(point.protocol);
  const own = settingsOfPoint(point);
  const settings = { ...own, name: point.group, tags: [...new Set([...own.tags, sweep.name])] };
  const { images, imagesHash } = await shared.of(protocol.experiment(settings));
  return new Run({ protocol, settings, start, root: sweep.runs, images, imagesHash });
}

/**
 * Finds the runs of a sweep's points that any process has already finished: their folders by the points' ids. Throws a
 * UserError for images and files that cannot be read. Changes the backend that computes.
 */
export async function finishedRuns(sweep: Sweep, shared: SharedImages): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const point of sweep.points) {
    const before = point.start === undefined ? undefined : found.get(point.start);
    if (point.start !== undefined && before === undefined) continue;
    // The backend is part of a run's identity, the number of threads is not.
    await useBackend({ backend: point.settings.backend, threads: 1 });
    const start = before === undefined ? undefined : await startIn(before, point);
    const dir = await (await runOfPoint(sweep, point, shared, start)).find();
    if (dir !== undefined && (await readRecord(dir))) found.set(point.id, dir);
  }
  return found;
}

/**
 * Warnings about points before they are trained, one sentence each, with the number of points that each concerns.
 * Throws a UserError that names a point whose batches are larger than its training set.
 */
export async function warningsOf(points: readonly SweepPoint[], shared: SharedImages): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const point of points) {
    const protocol = protocolNamed(point.protocol);
    const settings = settingsOfPoint(point);
    const experiment = protocol.experiment(settings);
    const starts = (point.start ?? experiment.ckpt_path) ? 'from a network' : 'anew';
    try {
      const { begun, steps, stepsPerEpoch } = lengthOf(experiment, (await shared.of(experiment)).trained);
      const run = { epochs: begun, steps, stepsPerEpoch };
      for (const message of protocolWarnings(protocol, settings, { starts, run }))
        counts.set(message, (counts.get(message) ?? 0) + 1);
    } catch (error) {
      throw refusedPoint(titleOf(point), error);
    }
  }
  return counts;
}

/**
 * The checkpoint in the folder of a finished run from which a point starts. Throws a UserError that says what to do if
 * it is gone.
 */
async function startIn(dir: string, point: SweepPoint): Promise<string | undefined> {
  return checkpointIn(dir).catch((error: Error) => {
    throw new UserError(
      `The point '${titleOf(point)}' starts from the run in ${dir}, which is finished and has no checkpoint any more: ` +
        `${error.message} Delete that folder, and the run is trained again.`,
    );
  });
}

/** How often to check whether the sweep was cancelled. */
const LOOK_MS = 500;

/**
 * Trains a point of a sweep, continues it, or takes over a finished run, and writes its state to the sweep's folder. If
 * `signal` aborts or the sweep is cancelled, it saves and stops between two steps. Returns how it ended; a point that
 * fails does not throw.
 */
export async function runPoint(
  sweep: Sweep,
  point: SweepPoint,
  { shared = new SharedImages(), signal }: { shared?: SharedImages; signal?: AbortSignal } = {},
): Promise<'finished' | 'failed' | 'stopped'> {
  const over = new AbortController();
  const stop = (): void => over.abort();
  if (signal?.aborted) return 'stopped';
  signal?.addEventListener('abort', stop);
  const look = setInterval(() => sweep.isCancelled && stop(), LOOK_MS);
  let run: Run | undefined;
  const id = (): string | undefined => (run?.dir === undefined ? undefined : basename(run.dir));
  try {
    await sweep.report(point.id, {
      state: 'running',
      run: (await sweep.runOf(point.id)) && basename((await sweep.runOf(point.id))!),
    });
    const start = point.start === undefined ? undefined : await sweep.checkpointOf(point.start);
    run = await runOfPoint(sweep, point, shared, start);
    let reported: string | undefined;
    for await (const event of run.events(over.signal)) {
      if (run.dir !== reported) {
        reported = run.dir;
        await sweep.report(point.id, { state: 'running', run: id() });
      }
      if (event.type === 'end' && event.reason === 'diverged') throw new UserError(event.message);
    }
    const state = run.isFinished ? 'finished' : 'stopped';
    await sweep.report(point.id, { state, run: id() });
    return state;
  } catch (error) {
    if (over.signal.aborted && error === over.signal.reason) {
      await sweep.report(point.id, { state: 'stopped', run: id() });
      return 'stopped';
    }
    const { message, stack } = error as Error;
    await sweep.report(point.id, {
      state: 'failed',
      run: id(),
      reason: error instanceof UserError ? message : (stack ?? message),
    });
    return 'failed';
  } finally {
    clearInterval(look);
    signal?.removeEventListener('abort', stop);
    run?.dispose();
  }
}
