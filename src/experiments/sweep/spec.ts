import { basename } from 'node:path';
import { closest } from 'fastest-levenshtein';
import { isMap, isScalar, isSeq, type Document, type Node, type Pair } from 'yaml';
import { UserError } from '../../errors.js';
import { readAssignments } from '../../formats/text.js';
import type { Protocol } from '../protocols/protocol.js';
import { findProtocol, protocols } from '../protocols/protocols.js';
import type { RunSettings } from '../runSettings.js';
import { settingsOf } from '../settings/schema.js';
import type { Given } from '../settings/settle.js';
import { givenInNode, readYaml, valueIn, type PlaceOf } from '../settings/written.js';

/** A setting that takes several values, one in each point. */
export interface Axis {
  name: string;
  values: Given[];
}

/** Settings and axes: of all points, or of one entry of the list of points. */
export interface PointsSpec {
  settings: Given[];
  /** All combinations of their values. */
  grid: Axis[];
  /** Their first values together, their second ones together, and so on. */
  zip: Axis[];
}

/** One entry of the list of points. */
export interface EntrySpec extends PointsSpec {
  /** Undefined for the only entry of a sweep without a list. */
  name?: string;
  protocol: string;
  /** The entry from whose results it starts. */
  from?: string;
  place?: string;
}

/** A sweep as it was written. */
export interface SweepSpec {
  name: string;
  entries: EntrySpec[];
}

const keys = ['name', 'protocol', 'settings', 'grid', 'zip', 'points'] as const;
const entryKeys = ['name', 'protocol', 'start', 'settings', 'grid', 'zip'] as const;

/** A protocol by its name. Throws a UserError that offers the nearest. */
export function protocolNamed(name: string, place = ''): Protocol<RunSettings> {
  const found = findProtocol(name);
  if (found) return found;
  const names = Object.keys(protocols);
  throw new UserError(
    `${place}There is no protocol '${name}'; did you mean '${closest(name, names)}'? All: ${names.join(', ')}.`,
  );
}

/** The values of a range, `1..3`; undefined for any other word. */
function rangeIn(text: string): number[] | undefined {
  const found = /^(-?\d+)\.\.(-?\d+)$/.exec(text);
  if (!found) return undefined;
  const [low, high] = [Number(found[1]), Number(found[2])];
  if (high < low || high - low >= 1000) {
    throw new UserError(`A range must go up from its first number to its last, by less than 1000; received ${text}.`);
  }
  return Array.from({ length: high - low + 1 }, (_, i) => low + i);
}

/** Whether a setting holds a list in every point: only a list of lists is then several values. */
const holdsList = (protocol: Protocol<RunSettings>, name: string): boolean =>
  settingsOf(protocol.schema).get(name)?.rule.accepts([]) ?? false;

/**
 * The words of a command line as settings and axes: `lambda_l0=10,20` and `seed=1..3` are axes, `zip=a,b` varies those
 * two together. A setting that holds a list takes several values as `milestones=[8,12],[10]`. Throws a UserError for a
 * word without a key, a key given twice, and a setting of zip that has one value.
 */
export function pointsInWords(words: string[], protocol: Protocol<RunSettings>): PointsSpec {
  const { zip: together = '', ...assignments } = readAssignments(words);
  const settings: Given[] = [];
  const axes: Axis[] = [];
  for (const [name, text] of Object.entries(assignments)) {
    const parts = text.split(/,(?![^[]*\])/).map((part) => part.trim());
    const several = parts.length > 1 && (!holdsList(protocol, name) || parts.every((part) => part.startsWith('[')));
    const values = rangeIn(text) ?? (several ? parts : undefined);
    if (!values) settings.push({ name, value: valueIn(text), text });
    else
      axes.push({ name, values: values.map((each) => ({ name, value: valueIn(String(each)), text: String(each) })) });
  }
  const zipped = together === '' ? [] : together.split(',').map((name) => name.trim());
  for (const name of zipped) {
    if (axes.some((axis) => axis.name === name)) continue;
    throw new UserError(
      `zip=${together} must name settings that have several values each, as in ${name}=1,2; ${name} has not.`,
    );
  }
  return {
    settings,
    grid: axes.filter(({ name }) => !zipped.includes(name)),
    zip: zipped.map((name) => axes.find((axis) => axis.name === name)!),
  };
}

/** Reads the part of a YAML document that is a map of axes. */
function axesIn(document: Document, node: Node | null, place: PlaceOf): Axis[] {
  if (node === null) return [];
  const before = givenInNode(document, node, place);
  return before.map(({ name, value, place: at }): Axis => {
    const values = typeof value === 'string' ? rangeIn(value) : Array.isArray(value) ? (value as unknown[]) : undefined;
    if (!values?.length) {
      throw new UserError(
        `${at}: ${name} must be a list of values, or a range such as 1..3; received ${JSON.stringify(value)}.`,
      );
    }
    return { name, values: values.map((each) => ({ name, value: each, place: at })) };
  });
}

/** The members of a map by their keys. Throws a UserError that names the line for an unknown key. */
function membersOf<Key extends string>(
  node: Node | null,
  known: readonly Key[],
  place: PlaceOf,
): Partial<Record<Key, Node>> {
  if (node === null) return {};
  if (!isMap(node))
    throw new UserError(`${place(node.range?.[0])}: there must be lines of the form "name: value" here.`);
  const members: Partial<Record<string, Node>> = {};
  for (const { key, value } of node.items as Pair<Node, Node | null>[]) {
    const name = isScalar(key) ? String(key.value) : key.toString();
    if (!known.some((each) => each === name)) {
      throw new UserError(
        `${place(key.range?.[0])}: there is no '${name}' here; did you mean '${closest(name, [...known])}'? ` +
          `All: ${known.join(', ')}. Settings of a run stand below settings, grid or zip.`,
      );
    }
    if (value !== null) members[name] = value;
  }
  return members;
}

function textOf(node: Node | undefined, place: PlaceOf): string | undefined {
  if (node === undefined) return undefined;
  // A key without a value counts as missing. A value that looks like a number is a name too, as it is written: 1.10.
  if (isScalar<string | number | boolean | null>(node))
    return node.value === null ? undefined : (node.source ?? String(node.value));
  throw new UserError(`${place(node.range?.[0])}: there must be one name here, no list and no map.`);
}

function partsOf(
  document: Document,
  { settings, grid, zip }: Partial<Record<'settings' | 'grid' | 'zip', Node>>,
  place: PlaceOf,
): PointsSpec {
  return {
    settings: settings ? givenInNode(document, settings, place) : [],
    grid: axesIn(document, grid ?? null, place),
    zip: axesIn(document, zip ?? null, place),
  };
}

/** Merges both; for a setting that both have, the second wins. */
function merged(first: PointsSpec, second: PointsSpec): PointsSpec {
  const namesOf = ({ settings, grid, zip }: PointsSpec): string[] =>
    [...settings, ...grid, ...zip].map(({ name }) => name);
  const later = new Set(namesOf(second));
  const kept = <T extends { name: string }>(list: T[]): T[] => list.filter(({ name }) => !later.has(name));
  return {
    settings: [...kept(first.settings), ...second.settings],
    grid: [...kept(first.grid), ...second.grid],
    zip: [...kept(first.zip), ...second.zip],
  };
}

/**
 * Reads a sweep from words of a command line, a YAML file, or both: the words apply to all points, and win. The default
 * `name` is the file's or, without a file, the protocol or network and methods, with the names of the axes.
 *
 * Throws a UserError that names the file and line for what cannot be read, unknown keys, entries of the same name, and
 * an entry that starts from one that does not come before it.
 */
export async function readSpec(
  words: string[],
  { file, protocol, name }: { file?: string; protocol?: string; name?: string },
): Promise<SweepSpec> {
  if (file === undefined) {
    const { name: of } = protocolNamed(protocol ?? 'experiment');
    const own = pointsInWords(words, protocolNamed(of));
    const axes = [...own.grid, ...own.zip].map((axis) => axis.name);
    const given = ['network', 'methods'].flatMap((part) => own.settings.find((each) => each.name === part)?.text ?? []);
    const what = of === 'experiment' && given.length > 0 ? given : [of];
    // Removes the brackets of a list, which no folder's name has.
    return {
      name: name ?? [...what, ...axes].join('-').replaceAll(/[^\w.=,-]/g, ''),
      entries: [{ ...own, protocol: of }],
    };
  }
  const { document, place } = await readYaml(file, 'sweep');
  const { points, ...top } = membersOf(document.contents, keys, place);
  const usual = protocol ?? textOf(top.protocol, place) ?? 'experiment';
  const shared = partsOf(document, top, place);
  if (document.contents === null) throw new UserError(`${file} must have settings, grid, zip or points; it is empty.`);
  if (points !== undefined && !(isSeq(points) && points.items.length > 0)) {
    throw new UserError(`${place(points.range?.[0])}: points must be a list, each entry begun with "- name: ...".`);
  }
  const entries = (points ? (points.items as (Node | null)[]) : [null]).map((node, i): EntrySpec => {
    const members = membersOf(node, entryKeys, place);
    const of = protocolNamed(protocol ?? textOf(members.protocol, place) ?? usual, `${place(node?.range?.[0])}: `);
    const { from } = membersOf(members.start ?? null, ['from'], place);
    const all = merged(merged(shared, partsOf(document, members, place)), pointsInWords(words, of));
    return {
      ...all,
      name: textOf(members.name, place) ?? (points ? `point ${i + 1}` : undefined),
      protocol: of.name,
      from: textOf(from, place),
      place: place(node?.range?.[0]),
    };
  });
  entries.forEach((entry, i) => checkEntry(entry, entries.slice(0, i)));
  return { name: name ?? textOf(top.name, place) ?? basename(file).replace(/\.ya?ml$/, ''), entries };
}

function checkEntry({ name, from, place }: EntrySpec, before: readonly EntrySpec[]): void {
  if (before.some((other) => other.name === name)) {
    throw new UserError(`${place}: each entry of points must have a name of its own; received '${name}' twice.`);
  }
  if (from === undefined || before.some((other) => other.name === from)) return;
  throw new UserError(
    `${place}: '${name}' starts from '${from}', and no entry before it has that name: ` +
      `${before.map((other) => other.name).join(', ') || 'there is none'}.`,
  );
}
