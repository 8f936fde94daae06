import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { UserError } from '../../../errors.js';
import type { Engine } from '../engine.js';
import { groupsOf, logFile, newArray, readArrays, writeArray } from './slurmArrays.js';
import { partitions, secondsOfLimit, slurmCommand } from './slurmCommand.js';
import { isLive, reasonOf, SlurmTasks, waitsInVain } from './slurmTasks.js';
import type { Sweep } from '../sweep.js';

/** How a cluster is used. */
export interface SlurmOptions {
  /** The most tasks of a job array that run at once. Default: as many as the cluster takes. */
  jobs?: number;
  /** Cores of each run. Default 1. */
  threads?: number;
}

/** Options of sbatch that cannot be given freely, and why. */
const own: Record<string, string> = {
  array: 'each point is a task',
  chdir: 'jobs run where the sweep was started',
  clusters: 'a sweep is run by one cluster',
  comment: 'it names the points',
  'cpus-per-task': 'give threads=',
  dependency: 'points wait for those that they start from',
  error: "the logs are in the sweep's folder",
  help: 'it submits no job',
  input: 'runs read none',
  'job-name': 'jobs are called after the sweep: give name=',
  'kill-on-invalid-dep': 'points whose start failed are taken back',
  'no-requeue': 'runs go on after their time limit',
  'open-mode': 'logs go on after a requeue',
  output: "the logs are in the sweep's folder",
  parsable: 'it is always set',
  requeue: 'it is always set',
  signal: 'runs are saved in time',
  'test-only': 'give --dry-run',
  usage: 'it submits no job',
  version: 'it submits no job',
  wait: 'give no --detach',
  wrap: 'jobs train the points',
};

/** Free options of sbatch, `slurm.NAME=VALUE`, as words. Throws a UserError for those that a sweep decides itself. */
function freeWords(free: Readonly<Record<string, string>>): string[] {
  return Object.entries(free).map(([name, value]) => {
    if (!/^[a-z][\w-]*$/i.test(name)) {
      throw new UserError(
        `slurm.NAME must be the long name of an option of sbatch, such as slurm.mem=4G; received slurm.${name}.`,
      );
    }
    // sbatch accepts any beginning of an option's name.
    const taken = Object.keys(own).find((each) => each.startsWith(name));
    if (taken !== undefined) throw new UserError(`slurm.${name} is not free in a sweep: ${own[taken]}.`);
    return value === 'true' ? `--${name}` : `--${name}=${value}`;
  });
}

/** How long before its time limit a run is asked to save; Slurm may be a minute early. */
const SECONDS_BEFORE = 90;
/** How long an answer of Slurm is reused. */
const ASK_MS = 5000;

/** Cancels those tasks that are still waiting. */
async function scancel(waiting: readonly string[]): Promise<void> {
  if (waiting.length > 0) await slurmCommand('scancel', ['--state=PENDING', ...waiting]);
}

/** Trains the points of a sweep as job arrays of a Slurm cluster, whose machines share the sweep's folder. */
export function slurmEngine({ jobs, threads = 1 }: SlurmOptions, free: Readonly<Record<string, string>>): Engine {
  const freely = freeWords(free);
  const tasks = new SlurmTasks();
  let asked = -Infinity;
  let known = new Map<string, string>();

  /**
   * The time limit of a job in seconds. Throws a UserError for an unknown partition, and for a `slurm.time` that is
   * invalid or more than the partition allows.
   */
  async function limit(): Promise<number> {
    const all = await partitions();
    const names = free.partition?.split(',') ?? all.filter(({ isDefault }) => isDefault).map(({ name }) => name);
    const unknown = names.find((name) => !all.some((each) => each.name === name));
    if (unknown !== undefined) {
      const there = [...new Set(all.map(({ name }) => name))].join(', ');
      throw new UserError(`Slurm has no partition '${unknown}'. Change slurm.partition: there are ${there || 'none'}.`);
    }
    const chosen = all.filter(({ name }) => names.includes(name));
    const most = Math.max(...chosen.map((each) => each.most));
    const given = free.time === undefined ? Math.min(...chosen.map((each) => each.usual)) : secondsOfLimit(free.time);
    if (Number.isNaN(given)) {
      throw new UserError(
        `slurm.time must be as in 90 (minutes), 4:00:00 (hours) or 2-12 (days and hours); received '${free.time}'.`,
      );
    }
    if (given <= most || chosen.length === 0) return given;
    throw new UserError(
      `slurm.time must be at most what the partition ${names.join(', ')} allows, ${most / 60} minutes; received ${free.time}.`,
    );
  }

  /** The arguments of sbatch for this many points. */
  function words(sweep: Sweep, count: number, seconds: number): string[] {
    return [
      '--parsable',
      `--job-name=${sweep.name}`,
      `--array=0-${count - 1}${jobs === undefined ? '' : `%${jobs}`}`,
      `--cpus-per-task=${threads}`,
      '--requeue',
      `--signal=B:TERM@${Math.min(SECONDS_BEFORE, Math.floor(seconds / 4))}`,
      '--open-mode=append',
      // Percent signs in the path are escaped, since Slurm has its own meaning for them.
      `--output=${logFile({ dir: sweep.dir.replaceAll('%', '%%') }, '%A_%a')}`,
      ...freely,
    ];
  }

  return {
    outlives: true,

    async check(sweep) {
      await slurmCommand('sbatch', ['--test-only', ...words(sweep, 1, await limit()), '--wrap=true']);
    },

    async run(sweep, points) {
      const seconds = await limit();
      const found = [...(await tasks.of(sweep))];
      const there = new Map(found.filter(([, task]) => isLive(task)).map(([id, task]) => [id, task.id]));
      await scancel(found.filter(([, task]) => waitsInVain(task)).map(([, { id }]) => id));
      await mkdir(dirname(logFile(sweep, '')), { recursive: true });
      let number = (await readArrays(sweep)).size;
      for (const group of groupsOf(points.filter(({ id }) => !there.has(id)))) {
        const { start } = group[0];
        const after = start === undefined ? undefined : there.get(start);
        const waits = after === undefined ? [] : [`--dependency=afterok:${after}`, '--kill-on-invalid-dep=yes'];
        const { file, script } = await newArray(sweep, group, number++);
        const all = [...words(sweep, group.length, seconds), `--comment=${file}`, ...waits, script];
        const job = (await slurmCommand('sbatch', all)).trim();
        await writeArray(file, { points: group.map(({ id }) => id), job });
        group.forEach(({ id }, i) => there.set(id, `${job}_${i}`));
      }
      asked = -Infinity;
    },

    async cancel(sweep) {
      const waiting = [...(await tasks.of(sweep)).values()].filter(({ state }) => state === 'PENDING');
      await scancel(waiting.map(({ id }) => id));
    },

    async failures(sweep) {
      if (performance.now() - asked < ASK_MS) return known;
      asked = performance.now();
      // While Slurm does not answer, its last answer holds.
      const found = await tasks.of(sweep).catch(() => undefined);
      if (!found) return known;
      const reasons = [...found].map(([id, task]) => [id, reasonOf(sweep, task)] as const);
      return (known = new Map(reasons.filter((each): each is readonly [string, string] => each[1] !== undefined)));
    },
  };
}
