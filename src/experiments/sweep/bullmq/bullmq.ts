import { dirname } from 'node:path';
import type { Job, Queue } from 'bullmq';
import { UserError } from '../../../errors.js';
import type { Engine } from '../engine.js';
import type { SweepPoint } from '../points.js';
import { askQueue, checkServer, jobId, queueNameOf, type JobData } from './redis.js';
import type { Sweep } from '../sweep.js';

/** How long an answer of the queue is reused. */
const LOOK_MS = 5000;

/** How long the queue remembers why a job failed. */
const REMEMBERED_SECONDS = 30 * 24 * 3600;

/** What the queue knows of a sweep. */
interface Look {
  /** Why jobs failed, by the ids of their points. */
  failures: Map<string, string>;
  notice?: string;
}

/** Puts points into the queue, except those that are already in it. */
async function add(queue: Queue<JobData>, sweep: Sweep, points: readonly SweepPoint[], retries: number): Promise<void> {
  await queue.addBulk(
    points.map(({ id }) => ({
      name: 'point',
      data: { sweep: sweep.name, point: id, retries },
      opts: { jobId: jobId(sweep, id), removeOnComplete: true, removeOnFail: { age: REMEMBERED_SECONDS } },
    })),
  );
}

/** A sweep's jobs in some states. */
async function jobsOf(
  queue: Queue<JobData>,
  sweep: Sweep,
  ...states: ('failed' | 'waiting' | 'delayed')[]
): Promise<Job<JobData>[]> {
  const jobs = (await queue.getJobs(states)) as (Job<JobData> | undefined)[];
  return jobs.filter((job) => job?.data.sweep === sweep.name) as Job<JobData>[];
}

/** Reads the queue, and adds the points that it lacks, for example after the server has lost its file. */
async function lookInto(queue: Queue<JobData>, sweep: Sweep, retries: number): Promise<Look> {
  const failed = await jobsOf(queue, sweep, 'failed');
  const left = (await sweep.states()).filter(({ state }) => state === 'waiting' || state === 'stopped');
  const points = left.map(({ point }) => point);
  if (!sweep.isCancelled) await add(queue, sweep, points, retries);
  return {
    failures: new Map(failed.map(({ data, failedReason }) => [data.point, failedReason])),
    notice: (await queue.getWorkersCount()) === 0 ? 'no worker is connected: sparsebook worker' : undefined,
  };
}

/**
 * Has a sweep's points trained by the workers (`sparsebook worker`) that get their work from the Redis server at
 * `redis`. The queue has all points from the beginning; a worker postpones a point that starts from another until that
 * one is done.
 */
export function bullmqEngine({ redis, retries }: { redis: string; retries: number }): Engine {
  const ask = async <T>(sweep: Sweep, question: (queue: Queue<JobData>) => Promise<T>): Promise<T> =>
    askQueue(redis, await queueNameOf(dirname(sweep.dir)), question);
  let lookedAt = -Infinity;
  let last: Look = { failures: new Map() };

  const look = async (sweep: Sweep): Promise<Look> => {
    if (performance.now() - lookedAt < LOOK_MS) return last;
    lookedAt = performance.now();
    last = await ask(sweep, (queue) => lookInto(queue, sweep, retries)).catch((error) => {
      if (!(error instanceof UserError)) throw error;
      // The workers continue, and so does watching them.
      return { ...last, notice: error.message.split('. ')[0] };
    });
    return last;
  };

  return {
    outlives: true,
    check: () => checkServer(redis),
    run: (sweep, points) =>
      ask(sweep, async (queue) => {
        const asked = new Set(points.map(({ id }) => id));
        // Jobs that failed before are tried again.
        for (const job of await jobsOf(queue, sweep, 'failed')) if (asked.has(job.data.point)) await job.remove();
        await add(queue, sweep, points, retries);
      }),
    cancel: (sweep) =>
      ask(sweep, async (queue) => {
        // A job that a worker takes in the meantime is ended by that worker.
        for (const job of await jobsOf(queue, sweep, 'waiting', 'delayed')) await job.remove().catch(() => undefined);
      }),
    failures: async (sweep) => (await look(sweep)).failures,
    notice: async (sweep) => (await look(sweep)).notice,
  };
}
