import { existsSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { dataFolder } from '../../data/dataFolder.js';
import { UserError } from '../../errors.js';
import { isAlive } from '#platform';
import { jsonFile, writeFileWhole } from '../../platform/writeFile.js';
import { runFiles, progressOf, type RunProgress } from '../../training/log/readRun.js';
import { isHeld } from '../../training/log/runLock.js';
import { findCheckpoint } from '../../training/checkpoint/listCheckpoints.js';
import { readRecord, type RunRecord } from '../run/record.js';
import type { SweepPoint } from './points.js';

/** The manifest in a sweep's folder. */
interface Manifest {
  format: 'sparsebook sweep';
  version: 1;
  name: string;
  points: SweepPoint[];
}

/**
 * What the process that runs a point writes about it: one file per point, so that many processes write side by side.
 */
interface PointFile {
  state: 'running' | 'finished' | 'failed' | 'stopped';
  /** The run's id. */
  run?: string;
  reason?: string;
  host: string;
  pid: number;
  /** When it was written: milliseconds since 1970. */
  time: number;
}

/** How long a process may take to get the run's own lock, whose holder is known for certain. */
const STARTS_MS = 15 * 60_000;

/** The state of a point according to its files. */
export interface PointState {
  point: SweepPoint;
  /** `blocked`: the point that it starts from failed. `stopped`: incomplete, and no process trains it. */
  state: 'waiting' | 'running' | 'finished' | 'failed' | 'stopped' | 'blocked';
  run?: string;
  record?: RunRecord;
  progress?: RunProgress;
  /** Why it failed. */
  reason?: string;
}

/** Whether nothing more happens to a point unless it is asked for again. */
export const isOver = ({ state }: Pick<PointState, 'state'>): boolean =>
  ['finished', 'failed', 'blocked'].includes(state);

const files = { manifest: 'manifest.json', points: 'points', cancelled: 'cancelled' };

/** The folder that sweeps are kept in: data/sweeps. */
export const sweepsFolder = (): string => join(dataFolder(), 'sweeps');

const isPoint = (value: unknown): value is SweepPoint => {
  const { id, group, protocol, settings, values } = Object(value) as Partial<SweepPoint>;
  return (
    [id, group, protocol].every((each) => typeof each === 'string') &&
    [settings, values].every((each) => typeof each === 'object' && each !== null)
  );
};

/** Whether a run is as long as a point asks for: a run that was taken further since is a different one. */
const isAsLong = (record: RunRecord, point: SweepPoint): boolean =>
  ['epochs', 'max_steps'].every(
    (name) => record.settings[name] === (point.settings as unknown as Record<string, unknown>)[name],
  );

/** A sweep: a folder with its points and, once they run, the run of each. The runs are in the folder of all runs. */
export class Sweep {
  private records = new Map<string, RunRecord>();

  private constructor(
    readonly dir: string,
    readonly points: readonly SweepPoint[],
  ) {}

  /** The name of its folder: a copy of a folder is a separate sweep. */
  get name(): string {
    return basename(this.dir);
  }

  get runs(): string {
    return resolve(this.dir, '..', '..', 'runs');
  }

  /** A sweep of these points in a folder; reads and writes nothing. */
  static at(dir: string, points: readonly SweepPoint[]): Sweep {
    return new Sweep(resolve(dir), points);
  }

  /** The folder of the sweep of a name. Throws a UserError for a name that no folder can have. */
  static folderOf(name: string, root = sweepsFolder()): string {
    if (/^\w[\w.=,-]*$/.test(name)) return resolve(root, name);
    throw new UserError(`The name of a sweep must be of letters, digits and . _ - = , alone; received '${name}'.`);
  }

  /**
   * Writes the sweep's points in place of those that its folder had; the results of points that stay are kept. Throws a
   * UserError if the manifest cannot be written.
   */
  async write(): Promise<void> {
    const { name, points } = this;
    const manifest: Manifest = { format: 'sparsebook sweep', version: 1, name, points: [...points] };
    await writeFileWhole(join(this.dir, files.manifest), `${JSON.stringify(manifest, null, 1)}\n`, jsonFile);
  }

  /**
   * Reads the sweep of a name or folder. Throws a UserError that lists all sweeps if this one is missing, and for a
   * damaged one.
   */
  static async open(nameOrFolder: string, root = sweepsFolder()): Promise<Sweep> {
    const here = resolve(nameOrFolder);
    const dir = existsSync(join(here, files.manifest)) ? here : resolve(root, nameOrFolder);
    const path = join(dir, files.manifest);
    const text = await readFile(path, 'utf8').catch(() => undefined);
    if (text === undefined) {
      const there = (await readdir(root).catch(() => [])).filter((each) =>
        existsSync(join(root, each, files.manifest)),
      );
      throw new UserError(
        `There is no sweep '${nameOrFolder}'. There are: ${there.join(', ') || 'none'} (in ${root}).`,
      );
    }
    try {
      const { format, version, points } = Object(JSON.parse(text)) as Partial<Manifest>;
      if (format === 'sparsebook sweep' && version === 1 && Array.isArray(points) && points.every(isPoint)) {
        return new Sweep(dir, points);
      }
    } catch {
      // Refused below.
    }
    throw new UserError(
      `${path} is not the description of a sweep of version 1. Ask for the sweep again to write it anew.`,
    );
  }

  /** The point of an id. Throws a UserError for an unknown id. */
  point(id: string): SweepPoint {
    const found = this.points.find((point) => point.id === id);
    if (found) return found;
    throw new UserError(`The sweep ${this.name} has no point ${id}: it was asked for with other settings since.`);
  }

  /** Writes the state of a point. */
  async report(id: string, state: Omit<PointFile, 'host' | 'pid' | 'time'>): Promise<void> {
    const file: PointFile = { ...state, host: hostname(), pid: process.pid, time: Date.now() };
    await writeFileWhole(join(this.dir, files.points, `${id}.json`), `${JSON.stringify(file)}\n`, jsonFile);
  }

  /** Takes runs that any process has finished as those of its points: their folders by the points' ids. */
  async adopt(runs: ReadonlyMap<string, string>): Promise<void> {
    for (const [id, dir] of runs) {
      const last = await this.reported(id);
      const run = basename(dir);
      if (last?.state !== 'finished' || last.run !== run) await this.report(id, { state: 'finished', run });
    }
  }

  /** Clears the failures of points, before they are trained again. */
  async reopen(points: readonly SweepPoint[]): Promise<void> {
    for (const { id } of points) {
      const last = await this.reported(id);
      if (last?.state === 'failed') await this.report(id, { state: 'stopped', run: last.run });
    }
  }

  private async reported(id: string): Promise<PointFile | undefined> {
    const text = await readFile(join(this.dir, files.points, `${id}.json`), 'utf8').catch(() => undefined);
    try {
      const { state, run, ...rest } = Object(JSON.parse(text ?? 'null')) as PointFile;
      const isWhole = typeof state === 'string' && (run === undefined || typeof run === 'string');
      return isWhole ? { ...rest, state, run } : undefined;
    } catch {
      return undefined;
    }
  }

  /** The folder of a point's run; undefined before it has one. */
  async runOf(id: string): Promise<string | undefined> {
    const run = (await this.reported(id))?.run;
    return run === undefined ? undefined : join(this.runs, run);
  }

  /** The checkpoint of a finished point's network. Throws a UserError for one that is not finished. */
  async checkpointOf(id: string): Promise<string> {
    const dir = await this.runOf(id);
    const path = dir === undefined ? undefined : await checkpointIn(dir);
    if (path !== undefined) return path;
    throw new UserError(`The point ${id} of ${this.name} is not finished, and others start from it.`);
  }

  /** The state of a point, regardless of the point that it starts from. */
  private async stateOf(point: SweepPoint): Promise<PointState> {
    const known = this.records.get(point.id);
    if (known) return { point, state: 'finished', run: known.run, record: known };
    const last = await this.reported(point.id);
    if (!last) return { point, state: 'waiting' };
    const { run, reason } = last;
    const dir = run === undefined ? undefined : join(this.runs, run);
    if (dir !== undefined && !existsSync(dir)) return { point, state: 'waiting' };
    const record = dir === undefined ? undefined : await readRecord(dir);
    if (record && !isAsLong(record, point)) return { point, state: 'waiting' };
    if (record && last.state === 'finished') {
      this.records.set(point.id, record);
      return { point, state: 'finished', run, record };
    }
    if (last.state === 'failed') return { point, state: 'failed', run, reason };
    const held = dir !== undefined && (await isHeld(join(dir, runFiles.lock)).catch(() => true));
    const isRecent = Date.now() - last.time < STARTS_MS;
    const starts = last.state === 'running' && last.host === hostname() && isRecent && isAlive(last.pid);
    if (!held && !starts) return { point, state: dir === undefined ? 'waiting' : 'stopped', run };
    return { point, state: 'running', run, progress: dir === undefined ? undefined : await progressOf(dir) };
  }

  /** The same, but a fault in the point's files becomes its state. */
  private async safeStateOf(point: SweepPoint): Promise<PointState> {
    return this.stateOf(point).catch((error: Error) => ({ point, state: 'failed', reason: error.message }));
  }

  async states(): Promise<PointState[]> {
    const states: PointState[] = [];
    // A few at a time, since the number of open files has a limit.
    for (let first = 0; first < this.points.length; first += 32) {
      states.push(...(await Promise.all(this.points.slice(first, first + 32).map((point) => this.safeStateOf(point)))));
    }
    const of = new Map(states.map((each) => [each.point.id, each]));
    // Points that others start from come first.
    for (const each of states) {
      const before = each.point.start === undefined ? undefined : of.get(each.point.start);
      if (before && ['failed', 'blocked'].includes(before.state) && each.state === 'waiting') {
        each.state = 'blocked';
        each.reason = `it starts from ${before.point.group}, which ${before.state === 'failed' ? 'failed' : 'cannot run'}`;
      }
    }
    return states;
  }

  get isCancelled(): boolean {
    return existsSync(join(this.dir, files.cancelled));
  }

  /** Asks all processes that run its points, on any machine, to save and stop; `false` takes that back. */
  async cancel(cancelled = true): Promise<void> {
    const path = join(this.dir, files.cancelled);
    if (cancelled) await writeFileWhole(path, '{}\n', jsonFile);
    else await rm(path, { force: true });
  }
}

/** The checkpoint of a run's final network; undefined for a run that is not finished. */
export async function checkpointIn(dir: string): Promise<string | undefined> {
  const record = await readRecord(dir);
  return record && findCheckpoint(join(dir, runFiles.checkpoints, record.selected.which));
}
