import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Job, Queue } from 'bullmq';
import { dataFolder } from '../../../data/dataFolder.js';
import { type Outcome, afterCrash } from '../children.js';
import { ChildPool } from '../local.js';
import type { SweepPoint } from '../points.js';
import { jobId, loadBullmq, queueNameOf, shownAddress, type JobData } from './redis.js';
import { Sweep, sweepsFolder, type PointState } from '../sweep.js';

/** How a worker uses its machine. */
export interface WorkerOptions {
  /** The address of the Redis server. */
  redis: string;
  /** How many runs it trains at once. */
  jobs: number;
  threads: number;
  /** The niceness of its runs, 0 to 19. */
  nice: number;
  /** Seconds without a sign of life after which a worker's runs are given to others. */
  lost_after: number;
}

/** A worker's options and callbacks. */
export interface WorkerCalls {
  /** Ends the worker: active runs are saved and go back into the queue. */
  signal: AbortSignal;
  /** Whether it ends when there is nothing left to do. */
  untilDone: boolean;
  /** Called when a point begins, and when it has ended. */
  onPoint: (sweep: Sweep, state: PointState) => void;
  /** Called when the server stops answering, answers again, or reports an error. */
  onTrouble: (message: string) => void;
}

/** How often a server that does not answer is tried again. */
const RETRY_MS = 1000;

/** How long a worker that is asked to end waits for a server that does not answer. */
const LAST_WORD_MS = 5000;

/** How many workers a job may outlive. Crashes of its own process are counted separately. */
const WORKERS_LOST = 1_000_000;

/** The state of a point according to its files and those of the points that it depends on. */
async function stateOf(sweep: Sweep, point: SweepPoint): Promise<PointState> {
  const upTo = (one: SweepPoint): SweepPoint[] =>
    one.start === undefined ? [one] : [...upTo(sweep.point(one.start)), one];
  return (await Sweep.at(sweep.dir, upTo(point)).states()).at(-1)!;
}

/**
 * Does the jobs of a queue in child processes, so that this process is free to report that they are still worked on.
 */
class Trainer {
  /** The tasks that its processes are doing now. */
  readonly running = new Set<Promise<Outcome>>();

  constructor(
    private readonly bullmq: typeof import('bullmq'),
    private readonly queue: Queue<JobData>,
    private readonly pool: ChildPool,
    private readonly options: WorkerOptions,
    private readonly calls: WorkerCalls,
  ) {}

  /** Trains a job's point. It throws to tell BullMQ that the job failed, or that it was put back. */
  async train(job: Job<JobData>, token?: string): Promise<void> {
    const { signal, onPoint } = this.calls;
    const sweep = await this.open(job.data.sweep);
    const point = sweep.point(job.data.point);
    if (sweep.isCancelled) return;
    if (signal.aborted) return this.putBack(job, token);
    if (point.start !== undefined) {
      const start = await stateOf(sweep, sweep.point(point.start));
      if (start.state === 'failed' || start.state === 'blocked') {
        throw new Error(
          `it starts from ${start.point.group}, which ${start.state === 'failed' ? 'failed' : 'cannot run'}`,
        );
      }
      // The worker that finishes the start wakes this job, unless that worker is lost first.
      if (start.state !== 'finished') return this.putOff(job, token);
    }
    onPoint(sweep, { point, state: 'running' });
    const outcome = await this.ask(sweep, point);
    const next = sweep.isCancelled ? undefined : await this.nextOf(job.data, sweep, point, outcome);
    const state = await stateOf(sweep, point);
    onPoint(sweep, state);
    if (state.state === 'finished') await this.wakeNext(sweep, point);
    if (next) {
      await job.updateData(next);
      return this.putBack(job, token);
    }
    if (state.state === 'failed') throw new Error(state.reason);
  }

  /** The data with which a job continues if its point is neither finished nor failed; else undefined. */
  private async nextOf(data: JobData, sweep: Sweep, point: SweepPoint, outcome: Outcome): Promise<JobData | undefined> {
    if (outcome.type === 'point' && outcome.state !== 'stopped') return undefined;
    if (this.calls.signal.aborted) return data;
    const crashes = await afterCrash(sweep, point, outcome, data.crashes, data.retries);
    return crashes && { ...data, crashes };
  }

  private async open(name: string): Promise<Sweep> {
    try {
      // Names in the queue may lead only to folders below this one.
      return await Sweep.open(Sweep.folderOf(name));
    } catch (error) {
      const message =
        `the worker on ${hostname()} does not see the sweep: ${(error as Error).message} ` +
        'SPARSEBOOK_DATA must name the same folder for a sweep and its workers.';
      this.calls.onTrouble(message);
      throw new Error(message, { cause: error });
    }
  }

  private async ask(sweep: Sweep, point: SweepPoint): Promise<Outcome> {
    const task = { type: 'point', sweep: sweep.dir, point, threads: this.options.threads } as const;
    const asked = this.pool.ask(task, this.calls.signal);
    this.running.add(asked);
    return asked.finally(() => this.running.delete(asked));
  }

  /** Wakes the jobs of the points that start from this point. */
  private async wakeNext(sweep: Sweep, { id }: SweepPoint): Promise<void> {
    for (const next of sweep.points.filter(({ start }) => start === id)) {
      const job = await this.queue.getJob(jobId(sweep, next.id));
      // A job that is not delayed checks its start by itself.
      await job?.promote().catch(() => undefined);
    }
  }

  private async putBack(job: Job<JobData>, token?: string): Promise<never> {
    await job.moveToWait(token);
    throw new this.bullmq.WaitingError();
  }

  private async putOff(job: Job<JobData>, token?: string): Promise<never> {
    await job.moveToDelayed(Date.now() + this.options.lost_after * 1000, token);
    throw new this.bullmq.DelayedError();
  }
}

/**
 * Trains the points that sweeps put into the queue of this machine's folder of sweeps, until it is asked to end and all
 * active runs are saved. Returns whether its jobs are handed back; if the server does not answer, other workers get
 * them once this worker counts as lost.
 */
export async function runWorker(options: WorkerOptions, calls: WorkerCalls): Promise<boolean> {
  const { redis, jobs, nice, lost_after } = options;
  const { signal, untilDone, onTrouble } = calls;
  const bullmq = await loadBullmq();
  const name = await queueNameOf(sweepsFolder());
  const logs = join(dataFolder(), 'workers');
  await mkdir(logs, { recursive: true });
  const pool = new ChildPool(nice, join(logs, `${hostname()}-${process.pid}.log`));
  const connection = { url: redis, maxRetriesPerRequest: null, retryStrategy: () => RETRY_MS };
  const queue = new bullmq.Queue<JobData>(name, { connection });
  const trainer = new Trainer(bullmq, queue, pool, options, calls);
  const worker = new bullmq.Worker<JobData>(name, (job, token) => trainer.train(job, token), {
    connection,
    concurrency: jobs,
    lockDuration: lost_after * 1000,
    stalledInterval: lost_after * 1000,
    maxStalledCount: WORKERS_LOST,
    runRetryDelay: RETRY_MS,
  });

  const shown = shownAddress(redis);
  let answers = true;
  const isConnection = ({ code, message }: NodeJS.ErrnoException): boolean =>
    code !== undefined || /connection is closed/i.test(message);
  // One of the connections reports errors for all.
  queue.on('error', (error) => {
    if (!isConnection(error)) return onTrouble(`Redis at ${shown}: ${error.message}`);
    if (answers) onTrouble(`Redis does not answer at ${shown}; what runs goes on`);
    answers = false;
  });
  worker.on('error', (error) => {
    // While the server was away, a job may have been given to another worker too, which waits for the end of the run or
    // finds it finished.
    if (!isConnection(error) && !/\block\b/.test(error.message)) onTrouble(`Redis at ${shown}: ${error.message}`);
  });
  queue.backend.on('ready', () => {
    if (!answers) onTrouble(`Redis answers again at ${shown}`);
    answers = true;
  });

  const done = async (): Promise<void> => {
    while (!signal.aborted) {
      const counts = await queue.getJobCounts('waiting', 'active', 'delayed').catch(() => ({ unknown: 1 }));
      if (Object.values(counts).every((count) => count === 0)) return;
      await pause(1000, undefined, { signal }).catch(() => undefined);
    }
  };
  const stopped = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await Promise.race([stopped, ...(untilDone ? [done()] : [])]);

  const closed = worker
    .close()
    .then(() => queue.close())
    .then(() => true);
  await Promise.allSettled(trainer.running);
  const isHandedBack = await Promise.race([closed, pause(LAST_WORD_MS, false)]);
  pool.close();
  return isHandedBack;
}
