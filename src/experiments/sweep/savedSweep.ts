import { readRun } from '../../training/log/readRun.js';
import type { StepEvent } from '../../training/events.js';
import { compactLatencies } from '../results/compactions.js';
import type { RunRecord } from '../run/record.js';
import { historyOf, type KeptRun, type SavedSweep } from '../results/runHistory.js';
import { readSaved } from '../run/saved.js';
import { givenIn, valueText } from '../settings/settle.js';
import { groupsOf } from './results.js';
import type { PointState, Sweep } from './sweep.js';

/** A number with four significant digits, which is more than a figure shows. */
const digits = (value: number): number => Number(value.toPrecision(4));

/**
 * The results of a sweep in the form that notebooks keep: what its runs have in common, their records and histories,
 * and the penalty at each step of those that have one. Runs that are not finished are listed as such. With `timed`, a
 * description of the backend, the compact networks of all finished runs are timed now, side by side.
 */
export async function savedSweep(sweep: Sweep, timed?: string): Promise<SavedSweep> {
  const states = await sweep.states();
  const finished = states.filter((state): state is PointState & { record: RunRecord } => state.record !== undefined);
  const records: KeptRun[] = [];
  const curves: NonNullable<SavedSweep['curves']> = [];
  for (const { point, record } of finished) {
    const { events, settings, dir } = await readRun((await sweep.runOf(point.id))!);
    const saved = readSaved(settings, dir);
    const history = historyOf({ settings: saved.protocol.experiment(saved.settings), history: events });
    records.push({ ...record, name: point.group, tags: [], history });
    const steps = events.filter((event): event is typeof event & StepEvent => event.type === 'step');
    if (steps.some(({ penalty }) => penalty !== 0)) {
      curves.push({
        name: point.group,
        steps: steps.map(({ step }) => step),
        penalty: steps.map(({ penalty }) => digits(penalty)),
      });
    }
  }
  if (timed !== undefined) {
    const checkpoints = await Promise.all(finished.map(({ point }) => sweep.checkpointOf(point.id)));
    const times = await compactLatencies(checkpoints);
    records.forEach((record, i) => (record.latency_ms = times[i]));
  }
  const { data, machine } = finished[0]?.record ?? { data: undefined, machine: '' };
  const inAll = (name: string, value: unknown): boolean =>
    sweep.points.every(
      ({ settings }) => valueText(givenIn(settings).find((each) => each.name === name)?.value) === valueText(value),
    );
  const common = givenIn(sweep.points[0]?.settings ?? {}).filter(({ name, value }) => inAll(name, value));
  const groups = groupsOf(states);
  return {
    about: {
      data: data?.name ?? '',
      machine,
      sizes: { train: data?.train ?? 0, validation: data?.validation ?? 0, test: data?.test ?? 0 },
      budget: Object.fromEntries(common.map(({ name, value }) => [name, value])),
      runsPerSetting: sweep.points.length / Math.max(1, groups.length),
      ...(timed !== undefined && { timed }),
    },
    records,
    groups,
    ...(curves.length > 0 && { curves }),
  };
}
