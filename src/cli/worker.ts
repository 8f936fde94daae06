import type { Command } from 'commander';
import type { WorkerOptions } from '../experiments/sweep/bullmq/bullmqWorker.js';
import { checkServer, redisSetting, shownAddress } from '../experiments/sweep/bullmq/redis.js';
import { sweepsFolder } from '../experiments/sweep/sweep.js';
import { orNull, wholeNumber } from '../rules.js';
import type { Schema } from '../experiments/settings/schema.js';
import { givenInWords } from '../experiments/settings/written.js';
import { settle } from '../experiments/settings/settle.js';
import { usableCores } from '#platform';
import { settingsHelp } from './settingsHelp.js';
import { stopSignals } from './stopSignals.js';
import { pointLine } from './sweepProgress.js';

const print = (line: string): void => void process.stdout.write(`${line}\n`);

interface Settings extends Omit<WorkerOptions, 'jobs' | 'threads'> {
  jobs: number | null;
  threads: number | null;
}

const schema: Schema<Settings> = {
  redis: redisSetting,
  jobs: {
    default: null,
    rule: orNull(wholeNumber({ min: 1 }), 'as many as the threads leave cores for'),
    help: 'how many runs are trained at once',
  },
  threads: {
    default: null,
    rule: orNull(wholeNumber({ min: 1, max: 64 }), 'one, or with jobs the cores shared out'),
    help: 'threads of each run; they do not change the results',
  },
  nice: {
    default: 10,
    rule: wholeNumber({ min: 0, max: 19 }),
    help: 'how much lower the priority of the runs is than that of other processes, 0 not at all',
  },
  lost_after: {
    default: 30,
    rule: wholeNumber({ min: 1 }),
    help: 'seconds without a heartbeat after which the runs of a worker are given to others',
  },
};

/** Derives `jobs` and `threads` from the number of cores unless both are given. */
function shared({ jobs, threads, ...others }: Settings, cores = usableCores()): WorkerOptions {
  const each = threads ?? (jobs === null ? 1 : Math.max(1, Math.floor(cores / jobs)));
  return { ...others, threads: each, jobs: jobs ?? Math.max(1, Math.floor(cores / each)) };
}

async function workerCommand(words: string[], { exitWhenDone = false }: { exitWhenDone?: boolean }): Promise<void> {
  const options = shared(settle<Settings>(schema, givenInWords(words)));
  const { jobs, threads, redis } = options;
  // Imported when needed: help needs no tensors.
  const { runWorker } = await import('../experiments/sweep/bullmq/bullmqWorker.js');
  await checkServer(redis);
  const stop = stopSignals();
  stop.again.addEventListener('abort', () => process.exit(stop.exitCode()));
  const runs = jobs === 1 ? 'a run at a time' : `${jobs} runs at once`;
  print(
    `worker for ${sweepsFolder()} at ${shownAddress(redis)}: ${runs}, ` +
      `${threads === 1 ? '1 thread' : `${threads} threads`} each; Ctrl-C saves and hands back what runs`,
  );
  try {
    const isHandedBack = await runWorker(options, {
      signal: stop.interrupt,
      untilDone: exitWhenDone,
      onPoint: (sweep, state) => print(`${sweep.name}: ${pointLine(state)}`),
      onTrouble: print,
    });
    if (stop.interrupt.aborted) {
      print(
        isHandedBack ? 'saved and handed back' : `saved; other workers get it in ${options.lost_after} s or sooner`,
      );
      // Does not wait for messages to a server that does not answer.
      process.exit(stop.exitCode());
    }
    print('nothing left to do');
  } finally {
    stop.release();
  }
}

/** Adds `sparsebook worker`. */
export function addWorkerCommand(program: Command): void {
  program
    .command('worker')
    .summary('train the runs of sweeps with engine=bullmq')
    .description(
      'Train the runs of sweeps that were started with engine=bullmq. Any number of workers, on any machines that share the ' +
        'data folder (SPARSEBOOK_DATA) and the Redis server, share the work; if one is lost, no run is lost.',
    )
    .argument('[words...]', 'key=value, see below')
    .option('--exit-when-done', 'end when no work is left; else wait for more')
    .addHelpText('after', () =>
      settingsHelp(schema, ['worker', 'worker redis=redis://192.168.0.2:6379 jobs=2 threads=4'], {
        heading: 'Options, written like settings; without jobs and threads, a run on each core:',
      }),
    )
    .action(workerCommand);
}
