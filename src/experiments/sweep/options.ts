import { existsSync } from 'node:fs';
import { UserError } from '../../errors.js';
import { orNull, oneOf, text, wholeNumber } from '../../rules.js';
import type { Schema } from '../settings/schema.js';
import { settle } from '../settings/settle.js';
import { givenInWords } from '../settings/written.js';
import type { Engine } from './engine.js';
import { redisSetting } from './bullmq/redis.js';
import { arraysFolder } from './slurm/slurmArrays.js';
import type { Sweep } from './sweep.js';

/** How a sweep is run: none of this changes the results of its runs. */
export interface SweepOptions {
  name: string | null;
  engine: 'local' | 'slurm' | 'bullmq';
  jobs: number | null;
  threads: number | null;
  nice: number;
  retries: number;
  redis: string;
}

export const sweepSchema: Schema<SweepOptions> = {
  name: {
    default: null,
    rule: orNull(text("a folder's name"), "the file's, or the protocol's with what varies"),
    help: 'the name of the sweep; with the same name and other values, finished runs are kept',
  },
  engine: {
    default: 'local',
    rule: oneOf('local', 'slurm', 'bullmq'),
    help: 'where the runs are trained: in processes of this machine, on a Slurm cluster, or by workers that share a Redis server',
  },
  jobs: {
    default: null,
    rule: orNull(wholeNumber({ min: 1 }), 'what was measured to be fastest; in Slurm, no limit'),
    help: 'how many runs are trained at once; in Slurm, of those that start from the same point',
    conflict: ({ engine, jobs }) =>
      engine === 'bullmq' && jobs !== null
        ? 'each worker says how many it trains: sparsebook worker jobs=2'
        : undefined,
  },
  threads: {
    default: null,
    rule: orNull(wholeNumber({ min: 1, max: 64 }), 'the cores shared out; in Slurm, 1'),
    help: 'threads of each run (in Slurm its --cpus-per-task); they do not change the results',
    conflict: ({ engine, threads }) =>
      engine === 'bullmq' && threads !== null
        ? 'each worker says how many it uses: sparsebook worker threads=1'
        : undefined,
  },
  nice: {
    default: 10,
    rule: wholeNumber({ min: 0, max: 19 }),
    help: 'how much lower the priority of the runs is than that of other processes, 0 not at all',
    conflict: ({ engine, nice }) =>
      engine === 'slurm' && nice !== 10 ? 'Slurm has one of its own: slurm.nice=100' : undefined,
  },
  retries: {
    default: 3,
    rule: wholeNumber({ min: 0 }),
    help: 'how often a run whose process crashes is restarted without progress in between',
    conflict: ({ engine, retries }) =>
      engine === 'slurm' && retries !== 3 ? 'Slurm itself runs again what a node lost' : undefined,
  },
  redis: {
    ...redisSetting,
    conflict: ({ engine, redis }) =>
      engine === 'bullmq' || redis === redisSetting.default ? undefined : `engine=${engine} uses no Redis`,
  },
};

/**
 * The options among the words of a command line, the free ones of Slurm (`slurm.partition=long`), and the other words.
 */
export function splitWords(words: readonly string[]): {
  options: SweepOptions;
  slurm: Record<string, string>;
  rest: string[];
} {
  const nameOf = (word: string): string => word.slice(0, word.indexOf('='));
  const isSlurm = (word: string): boolean => nameOf(word).startsWith('slurm.');
  const own = words.filter((word) => Object.hasOwn(sweepSchema, nameOf(word)));
  const free = words
    .filter(isSlurm)
    .map((word) => [nameOf(word).slice('slurm.'.length), word.slice(word.indexOf('=') + 1)] as const);
  const options = settle<SweepOptions>(sweepSchema, givenInWords(own));
  if (free.length > 0 && options.engine !== 'slurm') {
    throw new UserError(
      `slurm.${free[0][0]} must be given with engine=slurm; received engine=${options.engine}. Leave it out.`,
    );
  }
  return {
    options,
    slurm: Object.fromEntries(free),
    rest: words.filter((word) => !own.includes(word) && !isSlurm(word)),
  };
}

/** The engine that options name. */
export async function engineOf(options: SweepOptions, slurm: Record<string, string>): Promise<Engine> {
  const { jobs, threads, nice, retries, redis } = options;
  const given = { jobs: jobs ?? undefined, threads: threads ?? undefined, nice, retries };
  // Imported when asked for: one engine does not need the packages of another.
  if (options.engine === 'local') return (await import('./local.js')).localEngine(given);
  if (options.engine === 'bullmq') return (await import('./bullmq/bullmq.js')).bullmqEngine({ redis, retries });
  return (await import('./slurm/slurm.js')).slurmEngine(given, slurm);
}

/** The engine that a sweep was handed over to: Slurm, which knows more of it than its files, or else this machine. */
export async function engineUsed(sweep: Sweep): Promise<Engine> {
  if (existsSync(arraysFolder(sweep))) return (await import('./slurm/slurm.js')).slurmEngine({}, {});
  return (await import('./local.js')).localEngine();
}
