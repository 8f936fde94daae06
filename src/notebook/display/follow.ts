import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { followRun } from '../../training/log/followRun.js';
import { runIds, runNamed, runsFolder } from '../../training/log/listRuns.js';
import { Sweep } from '../../experiments/sweep/sweep.js';
import { interruptSignal } from '../kernel/interrupt.js';
import { followSweep } from './sweep.js';
import { watch, type FollowCellOptions } from './watch.js';

/**
 * Shows a run that another process trains, or has trained, below the cell: its curves and progress, redrawn as its log
 * grows, until it ends or the cell is interrupted; either way they stay. Of a sweep it shows accuracy against sparsity,
 * redrawn as its runs are done.
 *
 * `run` is a folder, the id of a run in data/runs, the beginning of one, `last`, or the name of a sweep. Throws a UserError if
 * there is none.
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
