import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import { UserError } from '../errors.js';
import type { Engine } from '../experiments/sweep/engine.js';
import { engineOf, engineUsed, splitWords, sweepSchema, type SweepOptions } from '../experiments/sweep/options.js';
import { pointsOf, titleOf, type SweepPoint } from '../experiments/sweep/points.js';
import { readSpec } from '../experiments/sweep/spec.js';
import { isOver, Sweep, type PointState } from '../experiments/sweep/sweep.js';
import { duration } from '../formats/text.js';
import { lockRun, RunHeld } from '../training/log/runLock.js';
import { shownPath } from './output.js';
import { settingsHelp } from './settingsHelp.js';
import { addResultCommands } from './sweepResults.js';
import { stopSignals } from './stopSignals.js';
import { addSweepPointCommand } from './sweepPoint.js';
import { countsText, pointLine, showSweep, timeLeft } from './sweepProgress.js';

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const runsText = (count: number): string => (count === 1 ? '1 run' : `${count} runs`);

/** The finished runs of a sweep's points, by the points' ids, and the points that are not finished. */
interface Looked {
  found: Map<string, string>;
  missing: SweepPoint[];
}

interface Flags {
  config?: string;
  dryRun?: boolean;
  detach?: boolean;
}

const isFile = (word: string | undefined): word is string => word !== undefined && /\.ya?ml$/.test(word);

/** Reads a command line: returns the sweep, which is not written yet, and how to run it. */
async function asked(
  words: readonly string[],
  config: string | undefined,
): Promise<{ sweep: Sweep; options: SweepOptions; slurm: Record<string, string> }> {
  const [first, ...others] = words;
  const named = first !== undefined && !first.includes('=');
  const { options, slurm, rest } = splitWords(named ? others : words);
  const file = named && isFile(first) ? first : config;
  if (config !== undefined && file !== config) {
    throw new UserError(`A sweep must be read from one file; received ${first} and --config ${config}. Leave one out.`);
  }
  const protocol = named && !isFile(first) ? first : undefined;
  const spec = await readSpec(rest, { file, protocol, name: options.name ?? undefined });
  const points = pointsOf(spec);
  return { sweep: Sweep.at(Sweep.folderOf(spec.name), points), options, slurm };
}

/** Prints the runs of a sweep, which of them are finished, and how long the others take on this machine. */
async function dryRun(sweep: Sweep, { found, missing }: Looked, options: SweepOptions): Promise<void> {
  // The sweep will also take the time that this process has taken so far.
  const here = process.uptime();
  for (const point of sweep.points) print(`${found.has(point.id) ? 'there  ' : 'missing'}  ${titleOf(point)}`);
  print(
    `${sweep.name}: ${runsText(sweep.points.length)}, of which ${found.size} are finished and ${missing.length} are not`,
  );
  if (missing.length === 0 || options.engine !== 'local') return;
  const { estimated } = await import('../experiments/sweep/local.js');
  const { seconds, jobs, threads } = await estimated(sweep, missing, options);
  const each = threads === 1 ? '1 thread' : `${threads} threads`;
  print(`about ${duration(here + seconds)}, ${jobs === 1 ? 'one at a time' : `${jobs} at once`} with ${each} each`);
}

/** The states of all points according to their files and, for points that no process trains, to the engine. */
async function statesOf(sweep: Sweep, engine: Engine): Promise<PointState[]> {
  const states = await sweep.states();
  const failures = await engine.failures(sweep);
  for (const each of states) {
    const reason = failures.get(each.point.id);
    if (reason !== undefined && ['waiting', 'stopped'].includes(each.state))
      Object.assign(each, { state: 'failed', reason });
  }
  return states;
}

/** Shows a sweep until all its points are done, failed or blocked, or `signal` aborts. Returns whether all are done. */
async function watchSweep(sweep: Sweep, engine: Engine, signal: AbortSignal): Promise<boolean> {
  const view = showSweep(process.stdout, sweep.name);
  const left = timeLeft();
  try {
    for (;;) {
      // Read before the files: after an abort, they are read once more.
      const { aborted } = signal;
      const states = await statesOf(sweep, engine);
      const open = states.filter((state) => !isOver(state)).length;
      view.onStates(states, left(states), open === 0 ? undefined : await engine.notice?.(sweep));
      const ends = open === 0 || (sweep.isCancelled && !states.some(({ state }) => state === 'running'));
      if (aborted || ends) return states.every(({ state }) => state === 'finished');
      await pause(1000, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    view.close();
  }
}

async function runSweep(sweep: Sweep, missing: readonly SweepPoint[], engine: Engine, detach: boolean): Promise<void> {
  const stop = stopSignals();
  stop.again.addEventListener('abort', () => process.exit(stop.exitCode()));
  const [over, quit] = [new AbortController(), new AbortController()];
  let work: Promise<void> | undefined;
  try {
    work = engine.run(sweep, missing, AbortSignal.any([stop.interrupt, quit.signal]));
    if (engine.outlives) {
      await work;
      if (detach) return print(`handed over; watch it with: sparsebook sweep status ${sweep.name}`);
    }
    // An engine that ends before its points do has stopped or failed.
    const ended = work.finally(() => !engine.outlives && over.abort());
    const [all] = await Promise.all([watchSweep(sweep, engine, engine.outlives ? stop.interrupt : over.signal), ended]);
    if (stop.interrupt.aborted) {
      print(
        engine.outlives
          ? `no longer watched, but continues: sparsebook sweep status ${sweep.name}`
          : 'stopped and saved; the same command continues',
      );
      process.exitCode = stop.exitCode();
    } else if (!all) {
      const states = await statesOf(sweep, engine);
      if (sweep.isCancelled) await engine.cancel(sweep);
      if (sweep.isCancelled) print('cancelled: what ran is saved; the same command continues');
      else print(`${countsText(states)}; the same command tries again what is missing`);
      process.exitCode = 1;
    } else
      print(
        `${sweep.points.length === 1 ? 'the run is' : `all ${sweep.points.length} runs are`} done; table: sparsebook sweep table ${sweep.name}`,
      );
  } finally {
    // If watching failed, active runs save and stop before the sweep's lock is released.
    quit.abort();
    await work?.catch(() => undefined);
    stop.release();
  }
}

/**
 * The number of points that the sweep of this name had and that are no longer asked for. Throws a UserError if one of
 * them is running.
 */
async function droppedPoints(sweep: Sweep): Promise<number> {
  const before = await Sweep.open(sweep.dir).catch(() => undefined);
  const ids = new Set(sweep.points.map(({ id }) => id));
  const states = ((await before?.states()) ?? []).filter(({ point }) => !ids.has(point.id));
  const running = states.find(({ state }) => state === 'running');
  if (!running) return states.length;
  throw new UserError(
    `'${titleOf(running.point)}' is running, and this sweep of the same name asks for other points. Give this one another name ` +
      `(name=trial), or end the other: sparsebook sweep cancel ${sweep.name}`,
  );
}

/** Finds out which points of a sweep are finished and which are missing; prints warnings about the missing ones. */
async function lookFirst(sweep: Sweep): Promise<Looked> {
  // Imported when needed: help needs no tensors.
  const { finishedRuns, SharedImages, warningsOf } = await import('../experiments/sweep/runPoint.js');
  const shared = new SharedImages();
  const found = await finishedRuns(sweep, shared);
  const missing = sweep.points.filter(({ id }) => !found.has(id));
  for (const [message, count] of await warningsOf(missing, shared)) {
    process.stderr.write(`warning: ${message}${count < missing.length ? ` (${runsText(count)})` : ''}\n`);
  }
  return { found, missing };
}

async function sweepCommand(words: string[], { config, dryRun: dry = false, detach = false }: Flags): Promise<void> {
  const { sweep, options, slurm } = await asked(words, config);
  const engine = await engineOf(options, slurm);
  if (detach && !engine.outlives) {
    throw new UserError(
      `--detach must be used with engine=slurm or engine=bullmq, whose work goes on by itself; received engine=${options.engine}. Leave it out.`,
    );
  }
  await engine.check(sweep);
  const { found, missing } = await lookFirst(sweep);
  if (dry) return dryRun(sweep, { found, missing }, options);
  await mkdir(sweep.dir, { recursive: true }).catch((error: Error) => {
    throw new UserError(`The folder of the sweep cannot be made: ${error.message}.`);
  });
  // Two processes that hand out work for one sweep would train nothing twice, but report everything twice.
  const lock = await lockRun(join(sweep.dir, 'lock')).catch((error: Error) => {
    if (!(error instanceof RunHeld)) throw error;
    throw new UserError(
      `The sweep ${sweep.name} is already running: ${error.message}. Watch it: sparsebook sweep status ${sweep.name}`,
    );
  });
  try {
    const dropped = await droppedPoints(sweep);
    await sweep.write();
    await sweep.cancel(false);
    await sweep.adopt(found);
    await sweep.reopen(missing);
    print(`sweep: ${shownPath(sweep.dir)}`);
    if (dropped > 0) print(`no longer asked for: ${dropped} of its points from before; their runs stay`);
    print(`${runsText(sweep.points.length)}, of which ${found.size} are finished`);
    await runSweep(sweep, missing, engine, detach);
  } finally {
    await lock.release();
  }
}

async function status(name: string): Promise<void> {
  const sweep = await Sweep.open(name);
  const states = await statesOf(sweep, await engineUsed(sweep));
  for (const state of states) print(pointLine(state));
  print(`${name}: ${countsText(states)}`);
  if (states.some(({ state }) => ['failed', 'blocked'].includes(state))) process.exitCode = 1;
}

async function cancel(name: string): Promise<void> {
  const sweep = await Sweep.open(name);
  await sweep.cancel();
  print(`${sweep.name} is cancelled: what runs saves and stops; asked for again, the sweep goes on`);
  await (await engineUsed(sweep)).cancel(sweep);
}

const examples = [
  'sweep l0-googlenet preset=quick lambda_l0=1,2,5 seed=1..3',
  'sweep network=c3 data=synthetic epochs=2 lr=0.01,0.003 weight_decay=0,1e-4 zip=lr,weight_decay --dry-run',
  'sweep notebooks/sweeps/l0-googlenet.yaml jobs=2',
  'sweep status l0-googlenet',
];

/** Adds `sparsebook sweep` and its subcommands. */
export function addSweepCommand(program: Command): void {
  const command = program
    .command('sweep')
    .summary('train many runs, and compare them')
    .description(
      'Train an experiment with many settings: lists and ranges are run in all combinations. Finished runs are not trained ' +
        'again: the same command continues after a stop, and with other values trains the missing runs.',
    );
  command
    .command('run', { isDefault: true })
    .summary('train the missing runs of a sweep (the default command: the word run may be left out)')
    .description(
      'Train the missing runs of a sweep, a few at once. Each value of a list or range is a run of its own; runs that are ' +
        'finished are kept. Ctrl-C saves all runs and stops; the same command continues.',
    )
    .argument(
      '[words...]',
      'a protocol or a YAML file, then settings: key=value, key=a,b,c, key=1..3, zip=key,key; options below',
    )
    .option('-c, --config <file>', 'take the sweep from a YAML file; what the words say wins')
    .option('-n, --dry-run', 'say how many runs there are, which are done and how long the others take; train nothing')
    .option('-d, --detach', 'with Slurm or BullMQ: hand the work over and do not watch it')
    .addHelpText('after', () =>
      settingsHelp(sweepSchema, examples, {
        heading: 'Options, written like settings:',
        more: [
          '  slurm.NAME=VALUE',
          '      with engine=slurm: any option of sbatch, such as slurm.partition=long slurm.time=4:00:00',
        ],
      }),
    )
    .action(sweepCommand);
  command
    .command('status')
    .summary('show the state of each run of a sweep')
    .argument('<sweep>', 'its name or folder')
    .action(status);
  command
    .command('cancel')
    .summary('make the active runs of a sweep save and stop')
    .argument('<sweep>', 'its name or folder')
    .action(cancel);
  addResultCommands(command);
  addSweepPointCommand(command);
}
