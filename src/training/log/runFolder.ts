import type { FileHandle } from 'node:fs/promises';
import { basename, join, mkdir, open, readFile, resolve, rmdir, truncate } from '#platform';
import { UserError } from '../../errors.js';
import type { ChannelMasks } from '../../graph/channelGraph.js';
import { jsonFile, writeFileWhole } from '../../platform/writeFile.js';
import type { TrainingEvent } from '../events.js';
import type { Provenance } from './provenance.js';
import { eventLine, readRun, runFiles } from './readRun.js';
import { lockRun, type RunLock } from './runLock.js';
import { EventFile } from './tensorboard/eventFile.js';

/** A run's folder, open for writing; only one process at a time can have it open. `RunFolder.take` opens it. */
export class RunFolder {
  readonly id: string;
  /** The folder for `checkpointed`. */
  readonly checkpoints: string;
  private metrics?: FileHandle;
  private tensorboard?: EventFile;
  private failure?: UserError;

  private constructor(
    readonly dir: string,
    private readonly lock: RunLock,
  ) {
    this.id = basename(dir);
    this.checkpoints = join(dir, runFiles.checkpoints);
  }

  /**
   * Takes the folder of a run, creating it if needed; so far only the lock is written. Throws a RunHeld while another
   * process has the folder, and a UserError that names the folder if it cannot be written.
   */
  static async take(dir: string): Promise<RunFolder> {
    return writing(dir, async () => {
      for (;;) {
        await mkdir(dir, { recursive: true });
        try {
          return new RunFolder(resolve(dir), await lockRun(join(dir, runFiles.lock)));
        } catch (error) {
          // Another process that began nothing removed the folder in the meantime.
          if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
        }
      }
    });
  }

  /** Writes the run's settings and provenance, and opens its log: events are appended to the existing ones. */
  async begin({ settings, provenance = {} }: { settings: unknown; provenance?: Partial<Provenance> }): Promise<void> {
    const { dir } = this;
    await writing(dir, async () => {
      await writeFileWhole(join(dir, runFiles.provenance), `${JSON.stringify(provenance, null, 2)}\n`, jsonFile);
      await writeFileWhole(join(dir, runFiles.settings), `${JSON.stringify(settings, null, 2)}\n`, jsonFile);
      const path = join(dir, runFiles.metrics);
      this.metrics = await open(path, 'a');
      await cutHalfLine(path);
      this.tensorboard = await EventFile.begin(dir, settings);
    });
  }

  /** Adds an event. It is in the files when the promise resolves, and on the disk after each epoch and at the end. */
  async log(event: TrainingEvent, gates?: ChannelMasks): Promise<void> {
    const time = Date.now();
    await this.metrics?.appendFile(eventLine({ ...event, time }));
    await this.tensorboard?.log(event, time, gates);
    if (event.type === 'epoch' || event.type === 'end') await this.sync();
  }

  /** Adds the finished run's results, for TensorBoard's table of settings. */
  async logMetrics(metrics: Readonly<Record<string, number>>, step: number): Promise<void> {
    await this.tensorboard?.logMetrics(metrics, step);
    await this.sync();
  }

  /**
   * Passes on a run's events, each once it is in the run's files. If an event cannot be written, a warning says so and
   * training continues without a log; a UserError that names the folder follows the end. If another process has taken
   * over the folder, training ends at once with a UserError. `gates` are the masks of channels, shown as histograms.
   */
  async *logged(
    events: AsyncIterable<TrainingEvent>,
    gates?: () => ChannelMasks,
  ): AsyncGenerator<TrainingEvent, void, void> {
    for await (const event of events) {
      await this.hold();
      // After a failure the files may end within a line: nothing may be appended.
      if (!this.failure) {
        await this.log(event, event.type === 'epoch' ? gates?.() : undefined).catch((error: Error) => {
          const message = `The log in ${this.dir} cannot be written any more: ${error.message}. It ends before this ${event.type}.`;
          this.failure = new UserError(message, { cause: error });
        });
        if (this.failure) yield { type: 'warning', message: (this.failure as UserError).message };
      }
      yield event;
    }
    if (this.failure) throw this.failure;
  }

  /** Throws a UserError if another process has taken over the folder: nothing more may be written. */
  async hold(): Promise<void> {
    await this.lock.hold();
  }

  /** Closes the files and releases the folder; a folder in which nothing was begun is removed. */
  async close(): Promise<void> {
    try {
      await this.metrics?.close();
      await this.tensorboard?.close();
    } finally {
      await this.lock.release();
      // Fails if the folder is not empty.
      if (!this.metrics) await rmdir(this.dir).catch(() => undefined);
    }
  }

  private async sync(): Promise<void> {
    await this.metrics?.sync();
    await this.tensorboard?.sync();
  }
}

/**
 * Takes the folder of a stopped run in order to continue it. Throws a RunHeld for a run that another process is
 * training, and a UserError for a folder that is not a run or cannot be written.
 */
export async function reopenRun(dir: string): Promise<RunFolder> {
  await readRun(dir, { steps: false });
  return RunFolder.take(dir);
}

async function writing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(
      `The run's folder ${path} cannot be written: ${(error as Error).message}. Free space on the disk, or choose a ` +
        'folder that can be written.',
      { cause: error },
    );
  }
}

async function cutHalfLine(path: string): Promise<void> {
  const bytes = await readFile(path);
  const end = bytes.lastIndexOf('\n') + 1;
  if (end < bytes.length) await truncate(path, end);
}
