import { createHash } from 'node:crypto';
import { UserError } from '../../errors.js';
import { protocolSettings } from '../protocols/protocol.js';
import { checkOneRun } from '../protocols/protocols.js';
import type { RunSettings } from '../runSettings.js';
import { givenIn, settle, valueText, type Given } from '../settings/settle.js';
import { protocolNamed, type EntrySpec, type SweepSpec } from './spec.js';

/** One run of a sweep: plain JSON, as the manifest keeps it. */
export interface SweepPoint {
  /** A hash of the point's own content, so that it stays the same when others come and go. */
  id: string;
  /** The entry of the list of points that it comes from; undefined in a sweep without a list. */
  entry?: string;
  /** Its name: its entry and the values that vary, except the seed. Points of one group differ only in their seeds. */
  group: string;
  protocol: string;
  /** The protocol's settings in full. */
  settings: RunSettings;
  /** The values that vary within the sweep, as words. */
  values: Record<string, string>;
  /** The id of the point from whose result it starts. */
  start?: string;
}

/** The full name of a point. */
export const titleOf = ({ group, values }: Pick<SweepPoint, 'group' | 'values'>): string =>
  'seed' in values ? `${group} seed=${values.seed}` : group;

/** Settings that do not make a different point, since they do not change the result of a run. */
const outside = ['name', 'tags', 'threads', 'resume_training', 'again'];
const refused: Record<string, string> = {
  name: 'runs are called after their points',
  again: 'a sweep trains each of its runs once',
  resume_training: 'a sweep goes on with its own runs by itself',
  threads: 'they change no result, and are an option of the command (threads=1)',
};

/** All combinations of one value per axis; the settings of `zip` form one axis together. */
function combinations({ grid, zip, place }: EntrySpec): Given[][] {
  const lengths = zip.map(({ values }) => values.length);
  if (new Set(lengths).size > 1) {
    const each = zip.map(({ name, values }) => `${name} has ${values.length}`).join(', ');
    throw new UserError(
      `${place ? `${place}: ` : ''}Settings that go along together (zip) must have as many values each; ${each}.`,
    );
  }
  const together = zip.length === 0 ? [] : [zip[0].values.map((_, i) => zip.map(({ values }) => values[i]))];
  const axes: Given[][][] = [...grid.map(({ values }) => values.map((value) => [value])), ...together];
  return axes.reduce<Given[][]>((all, axis) => all.flatMap((some) => axis.map((next) => [...some, ...next])), [[]]);
}

const valueOf = (settings: object, name: string): unknown =>
  givenIn(settings).find((each) => each.name === name)?.value;

/** The point of an entry's start that has the same values for the settings that both have. */
function startOf(
  point: Omit<SweepPoint, 'id'>,
  known: readonly Given[],
  entry: EntrySpec,
  from: readonly SweepPoint[],
): string {
  const names = new Set(known.map(({ name }) => name));
  const fitting = from.filter((other) =>
    Object.entries(other.values).every(
      ([name, value]) => !names.has(name) || value === valueText(valueOf(point.settings, name)),
    ),
  );
  if (fitting.length === 1) return fitting[0].id;
  const which = from.map(titleOf).join('; ');
  throw new UserError(
    `${entry.place}: '${titleOf(point)}' starts from '${entry.from}', and ${fitting.length === 0 ? 'none' : 'several'} of its ` +
      `points fit: ${which}. Give it the same values, such as the same seed in its grid.`,
  );
}

function checkAxes({ settings, grid, zip, place }: EntrySpec): void {
  const at = place ? `${place}: ` : '';
  const names = [...settings, ...grid, ...zip].map(({ name }) => name);
  const again = names.find((name, i) => names.indexOf(name) < i);
  if (again !== undefined) {
    throw new UserError(`${at}${again} must be given once, in settings, grid or zip; it is given twice.`);
  }
  for (const { name, values } of grid) {
    const words = values.map(({ value }) => valueText(value));
    const twice = words.find((word, i) => words.indexOf(word) < i);
    if (twice !== undefined) throw new UserError(`${at}${name} must have different values; received ${twice} twice.`);
  }
}

/**
 * The points of a sweep seed by seed, each after the point that it starts from. Throws a UserError that names the
 * point, and the line if it is in a file, for settings that a run would refuse, lists of unequal length, values given
 * twice, and a start that fits no point or several.
 */
export function pointsOf(spec: SweepSpec): SweepPoint[] {
  const byEntry = new Map<string | undefined, SweepPoint[]>();
  for (const entry of spec.entries) {
    checkAxes(entry);
    const protocol = protocolNamed(entry.protocol);
    const points = combinations(entry).map((own): SweepPoint => {
      const given = [...entry.settings, ...own];
      const varied = Object.fromEntries(own.map(({ name, value }) => [name, valueText(value)]));
      const words = Object.entries(varied)
        .filter(([name]) => name !== 'seed')
        .map(([name, value]) => `${name}=${value}`);
      const group = [...(entry.name === undefined ? [] : [entry.name]), ...words].join(' ') || spec.name;
      try {
        for (const { name } of given) {
          if (Object.hasOwn(refused, name)) throw new UserError(`${name} is not set in a sweep: ${refused[name]}.`);
          if (name === 'ckpt_path' && entry.from !== undefined) {
            throw new UserError(
              `it starts from '${entry.from}', so that ckpt_path has no effect. Leave one of the two out.`,
            );
          }
        }
        const settings = protocolSettings(protocol, given, entry.from !== undefined);
        checkOneRun(protocol, settings);
        protocol.experiment(settings);
        // The axes' values once settled: only now do words of a command line have a type.
        const values = Object.fromEntries(own.map(({ name }) => [name, valueText(valueOf(settings, name))]));
        const named = entry.name === undefined ? {} : { entry: entry.name };
        const point = { ...named, group, protocol: protocol.name, settings, values };
        const start =
          entry.from === undefined ? undefined : startOf(point, given, entry, byEntry.get(entry.from) ?? []);
        return { id: idOf({ ...point, start }), ...point, ...(start !== undefined && { start }) };
      } catch (error) {
        throw refusedPoint(titleOf({ group, values: varied }), error);
      }
    });
    byEntry.set(entry.name, points);
  }
  const all = [...byEntry.values()].flat();
  checkNames(all);
  return seedBySeed(all);
}

/** Wraps a UserError in one that names the point; returns any other error as it is. */
export function refusedPoint(title: string, error: unknown): unknown {
  if (!(error instanceof UserError)) return error;
  return new UserError(`The point '${title}' of the sweep cannot be run: ${error.message}`, { cause: error });
}

/** Throws a UserError for points that occur twice, and for different points that tables would take for one. */
function checkNames(points: readonly SweepPoint[]): void {
  const kindOf = ({ entry, values: { seed: _, ...values } }: SweepPoint): string => JSON.stringify([entry, values]);
  const kinds = new Map<string, string>();
  const ids = new Set<string>();
  for (const point of points) {
    if (ids.has(point.id))
      throw new UserError(
        `Each point must be in the sweep once; '${titleOf(point)}' is there twice. Leave one of them out.`,
      );
    ids.add(point.id);
    const kind = kinds.get(point.group) ?? kindOf(point);
    if (kind !== kindOf(point)) {
      throw new UserError(
        `Points of a sweep must have different names; two would be called '${point.group}'. Give their entries other names.`,
      );
    }
    kinds.set(point.group, kind);
  }
}

/**
 * Sorts all points of the first seed before those of the next one, so that a partly finished sweep already compares all
 * its entries.
 */
function seedBySeed(points: readonly SweepPoint[]): SweepPoint[] {
  const seeds = [...new Set(points.map(({ values }) => values.seed))];
  const ranks = new Map<string, number>();
  // A point that starts from another comes after it, whatever its seed.
  for (const { id, values, start } of points) {
    ranks.set(id, Math.max(seeds.indexOf(values.seed), start === undefined ? 0 : ranks.get(start)!));
  }
  return points.toSorted((a, b) => ranks.get(a.id)! - ranks.get(b.id)!);
}

function idOf({ group, protocol, settings, start }: Omit<SweepPoint, 'id'>): string {
  const decisive = givenIn(settings).filter(({ name }) => !outside.includes(name) && !name.startsWith('checkpoints.'));
  const hash = createHash('sha256').update(JSON.stringify({ group, protocol, decisive, start: start ?? null }));
  return hash.digest('hex').slice(0, 10);
}

/**
 * The settings of a point in the types of its protocol, read back from a manifest. Throws a UserError as `settle` does.
 */
export const settingsOfPoint = ({ protocol, settings }: SweepPoint): RunSettings =>
  settle(protocolNamed(protocol).schema, [], givenIn(settings));
