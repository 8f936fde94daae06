import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { DataFrame } from 'danfojs-node';
import { followRun } from '../../training/log/followRun.js';
import { runIds, runNamed, runsFolder } from '../../training/log/listRuns.js';
import { Sweep, isOver, type PointState } from '../../experiments/sweep/sweep.js';
import { interruptSignal } from '../kernel/interrupt.js';
import { watch, type FollowCellOptions } from './watch.js';
import { sweepNumbers, sweepResults } from '../../experiments/sweep/results.js';
import { sweepFigure } from '../../plots/sweep.js';
import { display, inNotebook } from './output.js';
import { liveFigure } from './figure.js';
import { dataFrame } from './dataFrame.js';

/**
 * Shows a run that another process trains, or has trained, below the cell: its curves and progress, redrawn as its log
 * grows, until the run ends or the cell is interrupted; they then stay on display. For a sweep it shows accuracy
 * against sparsity, redrawn whenever a run is done.
 *
 * `run` is a folder, the id of a run in data/runs, the beginning of an id, `last`, or the name of a sweep. Throws a
 * UserError if there is none.
 */
export async function follow(run = 'last', options: FollowCellOptions = {}): Promise<void> {
  const { signal = interruptSignal(), interval = 1000, title } = options;
  const sweep = await Sweep.open(run).catch(() => undefined);
  if (sweep) return followSweep(sweep, options);
  const dir = existsSync(run) ? run : await folderOf(run);
  await watch(followRun(dir, { signal, interval }), { title, interval });
}

async function folderOf(name: string): Promise<string> {
  const root = runsFolder();
  const ids = await runIds(root);
  const { id } = runNamed(
    name,
    ids.map((id) => ({ id })),
  );
  return join(root, id);
}

/**
 * Returns the results of a sweep as a data frame, one row for each group of runs that differ only in their seeds: the
 * settings that vary, n, means under machine names such as `test.accuracy`, the bounds of the 95 % interval of
 * `test.accuracy`, and why runs are missing. `sparsebook sweep table --csv` prints the same.
 *
 * `sweep` is the name of a sweep in data/sweeps, or its folder. Throws a UserError if there is none.
 */
export async function loadSweep(sweep: string): Promise<DataFrame> {
  return dataFrame(sweepNumbers(sweepResults(await (await Sweep.open(sweep)).states())));
}

function stateLine(states: readonly PointState[]): string {
  const count = (state: PointState['state']): number => states.filter((each) => each.state === state).length;
  const [running, failed] = [count('running'), count('failed') + count('blocked')];
  const parts = [
    `${count('finished')} of ${states.length} runs done`,
    ...(running > 0 ? [`${running} running`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
  ];
  return parts.join(', ');
}

/** Shows a sweep below the cell until it is done or the cell is interrupted, as `follow` does. */
export async function followSweep(sweep: Sweep, options: FollowCellOptions = {}): Promise<void> {
  const { signal = interruptSignal(), interval = 1000, title = sweep.name } = options;
  let states = await sweep.states();
  const figure = () => sweepFigure(sweepResults(states), { title });
  const live = inNotebook();
  const progress = live ? display({ 'text/plain': stateLine(states) }) : undefined;
  const plot = live ? liveFigure(figure(), { final: false, interval: 0 }) : undefined;
  let shown = '';
  try {
    for (;;) {
      const now = stateLine(states);
      if (now !== shown) {
        shown = now;
        progress?.update({ 'text/plain': now });
        plot?.update(figure());
      }
      if (signal.aborted || states.every(isOver)) return;
      await pause(interval, undefined, { signal }).catch(() => undefined);
      states = await sweep.states();
    }
  } finally {
    if (!live) console.log(stateLine(states));
    plot?.update(figure(), { final: true });
  }
}
