import { mkdir, open, readFile, rm, truncate, type FileHandle } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { UserError } from '../../errors.js';
import { newFile, writeFileWhole } from '../../platform/writeFile.js';
import type { TrainingEvent } from '../events.js';
import { eventLine } from './eventJson.js';
import type { Provenance } from './provenance.js';
import { readRun } from './readRun.js';
import { runFiles } from './runFiles.js';
import { lockRun, type RunLock } from './runLock.js';
import { fileHead, fileName, fileRecords } from './tensorboard/eventRecords.js';

/** Masks between 0 and 1 by layer, for histograms. */
export type GateMasks = ReadonlyMap<string, Float32Array>;

/** What a run's folder says besides its events. */
export interface RunFacts {
  settings: unknown;
  provenance?: Provenance;
}

/** A run's folder, open for writing. */
export class Run {
  /** The folder for `checkpointed`. */
  readonly checkpoints: string;

  private constructor(
    readonly id: string,
    readonly dir: string,
    private readonly metrics: FileHandle,
    private readonly tensorboard: FileHandle,
    private readonly lock: RunLock,
  ) {
    this.checkpoints = join(dir, runFiles.checkpoints);
  }

  /** Opens the files of a folder that has its settings, for one process at a time. */
  static async open(dir: string, settings: unknown): Promise<Run> {
    const lock = await lockRun(join(dir, runFiles.lock));
    try {
      const time = Date.now();
      const path = join(dir, runFiles.metrics);
      const metrics = await open(path, 'a');
      await cutHalfLine(path);
      const tensorboard = await open(join(dir, fileName(time)), 'ax');
      await tensorboard.appendFile(fileHead(settings, time));
      return new Run(basename(dir), dir, metrics, tensorboard, lock);
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** Adds an event. It is in the files when the promise resolves, and on the disk after each epoch and at the end. */
  async log(event: TrainingEvent, gates?: GateMasks): Promise<void> {
    const time = Date.now();
    await this.metrics.appendFile(eventLine({ ...event, time }));
    await this.tensorboard.appendFile(fileRecords(event, time, gates));
    if (event.type !== 'epoch' && event.type !== 'end') return;
    await this.metrics.sync();
    await this.tensorboard.sync();
  }

  /** Closes the files, and lets another process open them. */
  async close(): Promise<void> {
    try {
      await this.metrics.close();
      await this.tensorboard.close();
    } finally {
      await this.lock.release();
    }
  }
}

/**
 * Makes the folder of a new run, `root`/`id`: the time (UTC) and a short name, such as 2026-01-31-120000-l0, with a
 * number if there is one already. Throws a UserError that names the folder if it cannot be made.
 */
export async function createRun(root: string, name: string, { settings, provenance }: RunFacts): Promise<Run> {
  if (!/^\w[\w.-]*$/.test(name)) {
    throw new UserError(`A run's name has letters, digits, '.', '-' and '_'; received '${name}'.`);
  }
  const [day, clock] = new Date().toISOString().split(/[T.]/);
  const id = `${day}-${clock.replaceAll(':', '')}-${name}`;
  return writing(join(root, id), async () => {
    await mkdir(root, { recursive: true });
    const dir = await makeNew(resolve(root, id));
    try {
      await writeFileWhole(join(dir, runFiles.provenance), `${JSON.stringify(provenance ?? {}, null, 2)}\n`, newFile);
      await writeFileWhole(join(dir, runFiles.settings), `${JSON.stringify(settings, null, 2)}\n`, newFile);
      return await Run.open(dir, settings);
    } catch (error) {
      // Half a run is none.
      await rm(dir, { recursive: true, force: true }).catch(() => undefined);
      throw error;
    }
  });
}

/**
 * Opens the folder of a run that stopped, to go on with it: what follows is added to its files. Throws a UserError for a run
 * that another process trains, and for a folder that is not that of a run or cannot be written.
 */
export async function reopenRun(dir: string): Promise<Run> {
  const { settings } = await readRun(dir, { steps: false });
  return writing(dir, () => Run.open(resolve(dir), settings));
}

async function writing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(
      `The run's folder ${path} cannot be written: ${(error as Error).message}. Make room on the disk, or choose a ` +
        'folder that can be written.',
      { cause: error },
    );
  }
}

/** Makes `path`, or `path`-2, -3, ... if it is there: mkdir itself decides between two that start at once. */
async function makeNew(path: string): Promise<string> {
  for (let n = 1; ; n++) {
    const dir = n === 1 ? path : `${path}-${n}`;
    try {
      await mkdir(dir);
      return dir;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

async function cutHalfLine(path: string): Promise<void> {
  const bytes = await readFile(path);
  const end = bytes.lastIndexOf('\n') + 1;
  if (end < bytes.length) await truncate(path, end);
}
