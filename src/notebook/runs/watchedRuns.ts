import { randomUUID } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { reasonOf } from '../../errors.js';
import { outcomes } from '../../experiments/results/runTable.js';
import { eachOf, runRow } from '../../experiments/results/runRows.js';
import { beganAt, inOrder } from '../../training/log/listRuns.js';
import { runFiles } from '../../training/log/readRun.js';
import { isHeld } from '../../training/log/runLock.js';
import { Clock, Slice } from '../live/document/slice.js';
import { LoggedCurves } from './curves.js';
import { MOST_CHOSEN, type ListedRun, type RunsPatch } from './protocol.js';

/**
 * Limits of the pause between two looks, in milliseconds: it is ten times as long as a look took, which depends on the
 * number of runs and the speed of their disk.
 */
const [LEAST_PAUSE, MOST_PAUSE] = [1000, 5000];
/** Within this time after a change there may be another that the file system's clock does not distinguish from it. */
const YOUNG_MILLISECONDS = 2000;
/** Curves that no page has asked for in this time are forgotten. */
const FORGET_MILLISECONDS = 60_000;

/** Returns a function that does work at most once a second, however many callers there are, and never twice at once. */
function seldom(work: () => Promise<void>): () => Promise<void> {
  let done = Promise.resolve();
  let next = 0;
  return () => {
    const began = performance.now();
    if (began < next) return done;
    next = Infinity;
    done = work().finally(() => {
      const now = performance.now();
      next = now + Math.min(MOST_PAUSE, Math.max(LEAST_PAUSE, 10 * (now - began)));
    });
    return done;
  };
}

interface Watched {
  /** The stamp of its files when it was last read. */
  stamp: string;
  run: Slice<ListedRun>;
}

interface WatchedCurves {
  logged: LoggedCurves;
  look: () => Promise<void>;
  version: number;
  asked: number;
}

/** The runs of a folder, watched while a page is open: each is read once, and again when its files have changed. */
export class WatchedRuns {
  private readonly epoch = randomUUID();
  private readonly clock = new Clock();
  private readonly order = new Slice<string[]>(this.clock, []);
  private readonly runs = new Map<string, Watched>();
  private readonly curves = new Map<string, WatchedCurves>();

  constructor(private readonly root: string) {}

  /** Looks for changes in the folder; a file that cannot be read is reported with its run and ends nothing. */
  readonly look: () => Promise<void> = seldom(async () => {
    const ids = await readdir(this.root).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    const there = new Set(ids);
    for (const id of this.runs.keys()) if (!there.has(id)) this.runs.delete(id);
    await eachOf(ids, (id) => this.lookAt(id));
    this.order.set(inOrder(new Map([...this.runs].map(([id, { run }]) => [id, run.get().began]))));
  });

  /**
   * Returns what changed since a page last asked; the page states what it has seen: `epoch` and `version` of the last
   * patch, and the version of the curves of each run that it shows (0 for none yet).
   */
  async since(epoch: string, version: number, chosen: ReadonlyMap<string, number>): Promise<RunsPatch> {
    const known = epoch === this.epoch;
    await this.look();
    const patch: RunsPatch = {
      epoch: this.epoch,
      version: this.clock.version,
      runs: [...this.runs.values()].flatMap(({ run }) => run.since(known ? version : 0) ?? []),
      order: this.order.since(known ? version : 0),
      curves: {},
    };
    await eachOf([...chosen.keys()].filter((id) => this.runs.has(id)).slice(0, MOST_CHOSEN), async (id) => {
      const curves = this.curvesOf(id);
      await curves.look();
      if (known && curves.version === chosen.get(id)) return;
      patch.curves[id] = { version: curves.version, ...curves.logged.all };
    });
    for (const [id, { asked }] of this.curves) {
      if (performance.now() - asked > FORGET_MILLISECONDS) this.curves.delete(id);
    }
    return patch;
  }

  private async lookAt(id: string): Promise<void> {
    const known = this.runs.get(id);
    const dir = join(this.root, id);
    const stamp = await stampOf(dir, known?.run.get().state === 'training');
    if (known && stamp === known.stamp) return;
    const began = await beganAt(dir);
    if (began === undefined) return void this.runs.delete(id);
    const run = await this.tell(id, began);
    if (known) {
      known.run.set(run);
      known.stamp = stamp;
    } else this.runs.set(id, { stamp, run: new Slice(this.clock, run) });
  }

  private async tell(id: string, began: number): Promise<ListedRun> {
    try {
      const { saved: _, ...told } = await runRow(this.root, id);
      return { ...told, began };
    } catch (error) {
      const nothing = { name: null, tags: [], epochs: 0, steps: 0, settings: {} };
      const numbers = Object.fromEntries(outcomes.map((name) => [name, null]));
      return { id, began, state: 'damaged', ...nothing, numbers, fault: reasonOf(error) };
    }
  }

  private curvesOf(id: string): WatchedCurves {
    let found = this.curves.get(id);
    if (!found) {
      const logged = new LoggedCurves(join(this.root, id));
      const look = seldom(async () => {
        if (await logged.read()) made.version = this.clock.tick();
      });
      const made: WatchedCurves = { logged, look, version: this.clock.tick(), asked: 0 };
      this.curves.set(id, (found = made));
    }
    found.asked = performance.now();
    return found;
  }
}

/**
 * Returns a text that differs when a run has something new: the time of its folder and, while it trains, the size of
 * its log and whether a process holds it.
 */
async function stampOf(dir: string, trains: boolean): Promise<string> {
  const { mtimeMs } = await stat(dir);
  if (Date.now() - mtimeMs < YOUNG_MILLISECONDS) return `${Date.now()}`;
  if (!trains) return `${mtimeMs}`;
  const [size, held] = await Promise.all([
    stat(join(dir, runFiles.metrics)).then(
      ({ size }) => size,
      () => 0,
    ),
    isHeld(join(dir, runFiles.lock)).catch(() => true),
  ]);
  return `${mtimeMs} ${size} ${held}`;
}
