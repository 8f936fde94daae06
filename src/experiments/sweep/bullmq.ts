import { dirname } from 'node:path';
import type { Queue } from 'bullmq';
import { UserError } from '../../errors.js';
import type { Engine } from './engine.js';
import type { SweepPoint } from './points.js';
import { askQueue, jobId, queueNameOf, type JobData } from './redis.js';
import type { Sweep } from './sweep.js';

/** How long what the queue said is taken for true. */
const LOOK_MS = 5000;

/** How long the queue remembers why a job failed. */
const REMEMBERED_SECONDS = 30 * 24 * 3600;

/** Puts points into the queue, but for those that are in it: a job has its point's name. */
async function add(queue: Queue<JobData>, sweep: Sweep, points: readonly SweepPoint[], retries: number): Promise<void> {
  await queue.addBulk(
    points.map(({ id }) => ({
      name: 'point',
      data: { sweep: sweep.name, point: id, retries },
      opts: { jobId: jobId(sweep, id), removeOnComplete: true, removeOnFail: { age: REMEMBERED_SECONDS } },
    })),
  );
}

/** What the queue knows of a sweep. */
interface Look {
  at: number;
  failures: Map<string, string>;
  notice?: string;
}

/** Has a sweep's points trained by the workers (`sparsebook worker`) that get their work from the Redis server at `redis`. */
export function bullmqEngine({ redis, retries }: { redis: string; retries: number }): Engine {
  const ask = async <T>(sweep: Sweep, question: (queue: Queue<JobData>) => Promise<T>): Promise<T> =>
    askQueue(redis, await queueNameOf(dirname(sweep.dir)), question);
  const ownOf = async (queue: Queue<JobData>, sweep: Sweep, ...states: ('failed' | 'waiting' | 'delayed')[]) =>
    (await queue.getJobs(states)).filter(({ data }) => data.sweep === sweep.name);
  let last: Look | undefined;

  /** Looks into the queue, and puts into it again what a server without its file has forgotten. */
  const look = async (sweep: Sweep): Promise<Look> => {
    const at = performance.now();
    if (last && at - last.at < LOOK_MS) return last;
    try {
      return (last = await ask(sweep, async (queue): Promise<Look> => {
        const failed = await ownOf(queue, sweep, 'failed');
        const open = (await sweep.states()).filter(({ state }) => state === 'waiting' || state === 'stopped');
        if (!sweep.isCancelled) {
          await add(
            queue,
            sweep,
            open.map(({ point }) => point),
            retries,
          );
        }
        const workers = await queue.getWorkersCount();
        return {
          at,
          failures: new Map(failed.map(({ data, failedReason }) => [data.point, failedReason])),
          notice: workers === 0 ? 'no worker is connected: sparsebook worker' : undefined,
        };
      }));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return (last = { at, failures: last?.failures ?? new Map(), notice: error.message.split('. ')[0] });
    }
  };

  return {
    outlives: true,
    // The queue has no name yet where nothing is written yet.
    check: () => askQueue(redis, 'sparsebook', () => Promise.resolve()),
    run: (sweep, points) =>
      ask(sweep, async (queue) => {
        // What failed before is tried again.
        const asked = new Set(points.map(({ id }) => id));
        for (const job of await ownOf(queue, sweep, 'failed')) if (asked.has(job.data.point)) await job.remove();
        await add(queue, sweep, points, retries);
      }),
    cancel: (sweep) =>
      ask(sweep, async (queue) => {
        // One that a worker takes in between is ended by the worker.
        for (const job of await ownOf(queue, sweep, 'waiting', 'delayed')) await job.remove().catch(() => undefined);
      }),
    failures: async (sweep) => (await look(sweep)).failures,
    notice: async (sweep) => (await look(sweep)).notice,
  };
}
