import { UserError } from '../../errors.js';
import type { RunHistory, RunGroup, SavedSweep } from './runHistory.js';
import { givenIn, valueText } from '../settings/settle.js';
import { meanInterval, type SomeRecord } from './tables.js';

/** A run's record, and its history if that was kept. */
export type ExploredRun = SomeRecord & { history?: RunHistory };

/** A sweep as `sparsebook sweep save` writes it, or runs put together in that form. Old files hold less. */
export type ExploredSweep = Pick<SavedSweep, 'groups'> & { records: readonly ExploredRun[] };

/** A stop of a slider over a sweep: runs that differ only in their seeds. */
export interface Stop extends RunGroup {
  /** Its label among the stops: the value of the one setting that varies, or else the group's name. */
  label: string;
  records: readonly ExploredRun[];
}

/** A mean share over seeds, with its 95 % interval by Student's t if there are three or more. */
export interface SeedMean {
  mean: number;
  interval?: readonly [low: number, high: number];
}

/** The mean of the known shares and its interval, limited to 0 to 1; undefined if none is known. */
export function overSeeds(shares: readonly (number | null | undefined)[]): SeedMean | undefined {
  const known = shares.filter((share): share is number => Number.isFinite(share));
  if (known.length === 0) return undefined;
  const { mean, halfWidth } = meanInterval(known);
  if (known.length < 3 || halfWidth === null) return { mean };
  return { mean, interval: [Math.max(0, mean - halfWidth), Math.min(1, mean + halfWidth)] };
}

/** Settings that do not change the result or are shown beside the label. */
const besides = ['name', 'tags', 'seed', 'backend', 'threads'];

function settingsOf({ values, records }: Pick<Stop, 'values' | 'records'>): Record<string, string> {
  const saved = givenIn(records.at(0)?.settings ?? {}).map(({ name, value }) => [name, valueText(value)]);
  return { ...(Object.fromEntries(saved) as Record<string, string>), ...values };
}

/**
 * The groups of a sweep's runs in its order, or only the named ones, and the setting in which they differ, if it is the
 * only one. Throws a UserError for a sweep without runs and for a name that it does not have.
 */
export function stopsOf(sweep: ExploredSweep, names?: readonly string[]): { setting?: string; stops: Stop[] } {
  const nameOf = ({ name }: ExploredRun): string => name ?? 'run';
  const records = [...new Set(sweep.records.map(nameOf))];
  const groups: readonly RunGroup[] =
    sweep.groups ??
    records.map((group) => ({ group, values: {}, runs: sweep.records.filter((r) => nameOf(r) === group).length }));
  const known = groups.map(({ group }) => group);
  const unknown = names?.find((name) => !known.includes(name));
  if (groups.length === 0 || names?.length === 0 || unknown !== undefined) {
    throw new UserError(
      `A slider over a sweep must stop at groups of its runs; received ${unknown === undefined ? 'none' : `'${unknown}'`}. ` +
        `Name some of: ${known.join(', ') || 'none, since there are no runs'}.`,
    );
  }
  const shown = groups
    .filter(({ group }) => names?.includes(group) ?? true)
    .map((group) => ({ ...group, records: sweep.records.filter((record) => nameOf(record) === group.group) }));
  const settings = shown.map(settingsOf);
  const varied = [...new Set(settings.flatMap(Object.keys))].filter(
    (name) => !besides.includes(name) && new Set(settings.flatMap((each) => each[name] ?? [])).size > 1,
  );
  // For a group that was not run, only the settings on its axes are known.
  const values = shown.map(({ group }, i) => (varied.length === 1 ? settings[i][varied[0]] : undefined) ?? group);
  const isDistinct = varied.length === 1 && new Set(values).size === values.length;
  return {
    setting: isDistinct ? varied[0] : undefined,
    stops: shown.map((group, i) => ({ ...group, label: isDistinct ? values[i] : group.group })),
  };
}

/** The costs of a network that a record counts. */
export type Size = 'parameters' | 'multiply_adds';

/** The test accuracy. */
export const accuracyOf = ({ records }: Stop) => overSeeds(records.map(({ test }) => test?.accuracy));

/** The share of the whole network that is left, from 0 to 1. */
export const sizeOf = ({ records }: Stop, size: Size) =>
  overSeeds(records.map(({ [size]: of }) => of && of.left / of.dense));

/** Shares from 0 to 1 by a kernel's name or by an epoch. */
type Shares<Key> = ReadonlyMap<Key, number | null>;

/** A count in the layers of runs. */
export interface LayerCount {
  what: string;
  unit: string;
  /** At the end, by the kernel's name; undefined if the run does not have it. */
  layers: (run: ExploredRun) => Shares<string> | undefined;
  /** Over all layers, by the number of epochs completed. */
  epochs: (run: ExploredRun) => Shares<number>;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const channels: LayerCount = {
  what: 'open channels',
  unit: '% of a layer',
  layers: ({ history, selected }) => {
    if (!history?.channels) return undefined;
    // The count of the network that was measured; the first entry is from before the first step.
    const share = ({ all, open }: { all: number; open: number[] }): number =>
      (open[selected?.epoch ?? -1] ?? open.at(-1)) / all;
    return new Map(Object.entries(history.channels).map(([layer, counts]) => [`${layer}/kernel`, share(counts)]));
  },
  epochs: ({ history }) => {
    const layers = Object.values(history?.channels ?? {});
    const all = sum(layers.map((layer) => layer.all));
    return new Map(layers.at(0)?.open.map((_, i) => [i, sum(layers.map(({ open }) => open[i])) / all]));
  },
};

const weights: LayerCount = {
  what: 'weights that are not 0',
  unit: '% of a kernel',
  layers: ({ zeros }) => zeros && new Map(Object.entries(zeros).map(([kernel, share]) => [kernel, 1 - share])),
  epochs: ({ history }) => new Map(history?.epochs.map(({ epoch, zeros }) => [epoch, 1 - zeros])),
};

/** What to count in the layers of runs: the weights if some are 0 and no channel has a mask, else the channels. */
export function layerCount(runs: readonly ExploredRun[]): LayerCount {
  const closes = runs.some((run) => channels.layers(run)?.size);
  return !closes && runs.some(({ sparsity }) => sparsity?.zeros) ? weights : channels;
}

/** The accuracy on the validation images, by the number of epochs completed. */
export const validationOf = ({ history }: ExploredRun): Shares<number> =>
  new Map(history?.epochs.map(({ epoch, validation }) => [epoch, validation]));

/** Means over seeds along the epochs. */
export type Line = { epoch: number; of: SeedMean }[];

/** The most epochs that can be distinguished on a screen. */
const mostEpochs = 60;

/**
 * The means over the runs of a stop by epoch; too many epochs are thinned out evenly, keeping the first and the last.
 */
export function lineOf({ records }: Stop, of: (run: ExploredRun) => Shares<number>): Line {
  const shares = records.map(of);
  const all = [...new Set(shares.flatMap((each) => [...each.keys()]))].sort((a, b) => a - b);
  const apart = Math.max(1, (all.length - 1) / (mostEpochs - 1));
  const epochs =
    all.length <= mostEpochs ? all : Array.from({ length: mostEpochs }, (_, i) => all[Math.round(i * apart)]);
  return epochs.flatMap((epoch) => {
    const found = overSeeds(shares.map((each) => each.get(epoch)));
    return found ? [{ epoch, of: found }] : [];
  });
}
