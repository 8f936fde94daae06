import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { usableCores } from '#platform';
import { UserError } from '../../errors.js';
import { Child, type Outcome, type Task, afterCrash, type Crashes } from './children.js';
import type { Engine } from './engine.js';
import { experimentOf, keepSpeed, knownSpeeds, secondsOf, secondsOfAll, speedKey } from './estimate.js';
import type { PointTime, Sharing } from './estimate.js';
import { SharedImages } from './runPoint.js';
import { titleOf, type SweepPoint } from './points.js';
import { speedNames, type Speed } from './speed.js';
import type { Sweep } from './sweep.js';

/** How the processes of this machine are used. */
export interface LocalOptions {
  /** Default: one run with all cores or one run per core, whichever was measured to be faster. */
  jobs?: number;
  /** Threads of each run. Default: the cores shared out. */
  threads?: number;
  /** The niceness of its processes, 0 to 19. Default 10. */
  nice?: number;
  /** How often a run whose process dies is restarted without progress in between. Default 3. */
  retries?: number;
}

/** Children that do one task at a time and are kept for the next one. */
export class ChildPool {
  private readonly idle: Child[] = [];
  private readonly all = new Set<Child>();

  /** Their output goes to the file `log`, if there is one. */
  constructor(
    private readonly nice: number,
    private readonly log?: string,
  ) {}

  /** Gives a task to a free child, or to a new one. An aborted `signal` makes it save and stop. */
  async ask(task: Task, signal: AbortSignal): Promise<Outcome> {
    const child = this.idle.pop() ?? new Child(this.nice, this.log);
    this.all.add(child);
    const stop = (): void => child.stop();
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop);
    try {
      const outcome = await child.ask(task);
      // A child that was asked to stop does nothing more.
      const reusable = child.alive && !(outcome.type === 'point' && outcome.state === 'stopped') && !signal.aborted;
      if (reusable) this.idle.push(child);
      else this.end(child);
      return outcome;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  close(): void {
    [...this.all].forEach((child) => this.end(child));
  }

  private end(child: Child): void {
    child.close();
    this.all.delete(child);
  }
}

/**
 * Finds the best way to share out this machine for a point: as many runs as cores with a thread each, or one run with
 * all cores, whichever trains more images per second. Measured speeds are kept; if `jobs` or `threads` leaves no
 * choice, nothing is measured.
 */
export async function bestSharing(
  pool: ChildPool,
  sweep: Sweep,
  point: SweepPoint,
  { jobs, threads }: LocalOptions,
  signal: AbortSignal,
): Promise<Sharing> {
  const cores = usableCores();
  const given = jobs ?? (threads === undefined ? undefined : Math.max(1, Math.floor(cores / threads)));
  const counts = given === undefined ? [...new Set([1, cores])] : [given];
  const sharings = counts.map((count) => ({ jobs: count, threads: threads ?? Math.max(1, Math.floor(cores / count)) }));
  if (sharings.length === 1) return sharings[0];
  const known = await knownSpeeds();
  const measured: (Sharing & { speed: number })[] = [];
  for (const sharing of sharings) {
    // If the point cannot be tried, the reason is reported when it is trained.
    const speed = await speedOf(pool, known, sweep, point, sharing, signal).catch(() => ({ train: 0 }));
    measured.push({ ...sharing, speed: sharing.jobs * speed.train });
  }
  return measured.reduce((best, each) => (each.speed > best.speed ? each : best));
}

/**
 * The speed of a point's experiment when the machine is shared out in this way: one of those `known`, or measured now
 * and added to them.
 */
async function speedOf(
  pool: ChildPool,
  known: Map<string, Speed>,
  sweep: Sweep,
  point: SweepPoint,
  sharing: Sharing,
  signal: AbortSignal,
): Promise<Speed> {
  const key = speedKey(experimentOf(point), sharing);
  const before = known.get(key);
  if (before) return before;
  const speed = await together(pool, sweep, point, sharing, signal);
  known.set(key, speed);
  await keepSpeed(key, speed);
  return speed;
}

/**
 * Measures the mean speed of `jobs` children at once. Throws a UserError with the reason if one of them cannot measure
 * it.
 */
async function together(
  pool: ChildPool,
  sweep: Sweep,
  point: SweepPoint,
  { jobs, threads }: Sharing,
  signal: AbortSignal,
): Promise<Speed> {
  const ask = (): Promise<Outcome> => pool.ask({ type: 'speed', sweep: sweep.dir, point, threads }, signal);
  const outcomes = await Promise.all(Array.from({ length: jobs }, ask));
  const speeds = outcomes.flatMap((outcome) => (outcome.type === 'speed' ? [outcome.speed] : []));
  const other = outcomes.find((outcome) => outcome.type !== 'speed');
  if (other) {
    const reason = other.type === 'error' ? other.message : other.type === 'died' ? `its process ${other.how}.` : '';
    throw new UserError(`The point '${titleOf(point)}' cannot be tried: ${reason}`);
  }
  const mean = (of: keyof Speed): number => speeds.reduce((sum, speed) => sum + speed[of], 0) / speeds.length;
  return Object.fromEntries(speedNames.map((name) => [name, mean(name)])) as unknown as Speed;
}

/**
 * Estimates how long this machine takes for points, and how it is shared out for them. Throws a UserError for a point
 * that cannot be tried.
 */
export async function estimated(
  sweep: Sweep,
  points: readonly SweepPoint[],
  options: { jobs: number | null; threads: number | null },
): Promise<Sharing & { seconds: number }> {
  const { signal } = new AbortController();
  const given = { jobs: options.jobs ?? undefined, threads: options.threads ?? undefined };
  const shared = new SharedImages();
  const pool = new ChildPool(0);
  try {
    const sharing = await bestSharing(pool, sweep, points[0], given, signal);
    const known = await knownSpeeds();
    const timed: PointTime[] = [];
    const whole = { jobs: 1, threads: given.threads ?? usableCores() };
    let begun = 0;
    for (const point of points) {
      const settings = experimentOf(point);
      const speed = await speedOf(pool, known, sweep, point, sharing, signal);
      // A point that runs by itself gets all cores.
      const single = await speedOf(pool, known, sweep, point, whole, signal);
      const { images } = await shared.of(settings);
      begun = Math.max(begun, speed.start);
      const [seconds, alone] = [speed, single].map((each) => secondsOf(settings, images, each));
      timed.push({ id: point.id, start: point.start, seconds, alone });
    }
    return { ...sharing, seconds: begun + secondsOfAll(timed, sharing.jobs) };
  } finally {
    pool.close();
  }
}

/** Trains the points of a sweep in child processes of this one. */
export function localEngine(options: LocalOptions = {}): Engine {
  return {
    outlives: false,
    check: () => Promise.resolve(),
    run: (sweep, points, signal) => runLocally(sweep, points, options, signal),
    cancel: () => Promise.resolve(),
    failures: () => Promise.resolve(new Map()),
  };
}

async function runLocally(
  sweep: Sweep,
  points: readonly SweepPoint[],
  options: LocalOptions,
  signal: AbortSignal,
): Promise<void> {
  if (points.length === 0) return;
  const cores = usableCores();
  const log = join(sweep.dir, 'log');
  await mkdir(log, { recursive: true }).catch((error: Error) => {
    throw new UserError(`The folder ${log} cannot be made: ${error.message}.`);
  });
  const pool = new ChildPool(options.nice ?? 10, join(log, `local-${process.pid}.log`));
  const waiting = new Map(points.map((point) => [point.id, point]));
  const running = new Map<string, Promise<void>>();
  const failed = new Set<string>();
  const died = new Map<string, Crashes>();

  /** Also aborts if the state of a point cannot be written: the other runs then save and stop. */
  const over = new AbortController();
  const stopped = AbortSignal.any([signal, over.signal]);
  const run = async (point: SweepPoint, own: number): Promise<void> => {
    const outcome = await pool.ask({ type: 'point', sweep: sweep.dir, point, threads: own }, stopped);
    if (outcome.type === 'point' && outcome.state === 'finished') return;
    if (stopped.aborted || sweep.isCancelled) return;
    if (outcome.type === 'point' && outcome.state === 'failed') return void failed.add(point.id);
    const crashes = await afterCrash(sweep, point, outcome, died.get(point.id), options.retries ?? 3);
    if (!crashes) return void failed.add(point.id);
    died.set(point.id, crashes);
    waiting.set(point.id, point);
  };

  /** The points that can be trained now; those whose start failed count as failed too. */
  const ready = (): SweepPoint[] => {
    for (const { id, start } of waiting.values()) if (start !== undefined && failed.has(start)) failed.add(id);
    failed.forEach((id) => waiting.delete(id));
    return [...waiting.values()].filter(
      ({ start }) => start === undefined || !(waiting.has(start) || running.has(start)),
    );
  };

  try {
    const { jobs, threads } =
      points.length === 1 && options.jobs === undefined
        ? { jobs: 1, threads: options.threads ?? cores }
        : await bestSharing(pool, sweep, points[0], options, signal);
    for (;;) {
      const next = signal.aborted || sweep.isCancelled ? [] : ready();
      // While fewer runs are left than could run at once, each gets more threads, which change no bit of its result.
      const own = options.threads ?? Math.max(threads, Math.floor(cores / Math.max(1, running.size + next.length)));
      for (const point of next.slice(0, jobs - running.size)) {
        waiting.delete(point.id);
        running.set(
          point.id,
          run(point, own).finally(() => running.delete(point.id)),
        );
      }
      if (running.size === 0) break;
      await Promise.race(running.values());
    }
  } finally {
    over.abort();
    await Promise.allSettled(running.values());
    pool.close();
  }
}
