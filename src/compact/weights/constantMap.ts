import type { AxisWindow } from '../../graph/kernels.js';

/**
 * What channels put out that depend on no input: values [R, S, C] and, for each row and column of the image, which of
 * the R rows and S columns it takes. Padding makes such a map differ at the border and nowhere else, so R and S stay
 * small. A vector is an image of one place.
 */
export interface ConstantMap {
  rows: number[];
  columns: number[];
  channels: number;
  /** [R, S, C], flat, in double precision. */
  values: Float64Array;
}

const count = (index: number[]): number => Math.max(...index) + 1;

/** The place in `values` of row r and column s of the stored values. */
const placeOf = ({ columns, channels }: ConstantMap, r: number, s: number): number =>
  (r * count(columns) + s) * channels;

/** The same values at every place of an image. */
export function uniformMap(values: ArrayLike<number>, [height, width]: [number, number]): ConstantMap {
  const zeros = (length: number): number[] => Array<number>(length).fill(0);
  return { rows: zeros(height), columns: zeros(width), channels: values.length, values: Float64Array.from(values) };
}

/** The map with `f(value, channel)` in place of each value. */
export function mapValues(map: ConstantMap, f: (value: number, channel: number) => number): ConstantMap {
  return { ...map, values: map.values.map((value, i) => f(value, i % map.channels)) };
}

export function isZero({ values }: ConstantMap): boolean {
  return values.every((value) => value === 0);
}

/** Some of a map's channels, in the order given. */
export function pickChannels(map: ConstantMap, channels: number[]): ConstantMap {
  return combine([map], channels.length, ([place], out) =>
    channels.forEach((c, k) => (out[k] = map.values[place + c])),
  );
}

/** The channels of several maps of one image, one map after another. */
export function concatMaps(maps: ConstantMap[]): ConstantMap {
  const channels = maps.reduce((sum, map) => sum + map.channels, 0);
  return combine(maps, channels, (places, out) => {
    let at = 0;
    maps.forEach(({ values, channels }, m) => {
      out.set(values.subarray(places[m], places[m] + channels), at);
      at += channels;
    });
  });
}

/** The sum of several maps of one image and width. */
export function addMaps(maps: ConstantMap[]): ConstantMap {
  return combine(maps, maps[0].channels, (places, out) => {
    maps.forEach(({ values }, m) => out.forEach((sum, c) => (out[c] = sum + values[places[m] + c])));
  });
}

/** The values at the places most of the image has: one a channel. */
export function commonValues(map: ConstantMap): Float64Array {
  const place = placeOf(map, mostFrequent(map.rows), mostFrequent(map.columns));
  return map.values.slice(place, place + map.channels);
}

/** The mean over the image (or the largest value), [C], as a vector. */
export function overImage(map: ConstantMap, kind: 'mean' | 'max'): ConstantMap {
  const out = new Float64Array(map.channels).fill(kind === 'mean' ? 0 : -Infinity);
  const share = 1 / (map.rows.length * map.columns.length);
  for (const r of map.rows) {
    for (const s of map.columns) {
      const place = placeOf(map, r, s);
      for (let c = 0; c < out.length; c++) {
        const value = map.values[place + c];
        out[c] = kind === 'mean' ? out[c] + value * share : Math.max(out[c], value);
      }
    }
  }
  return uniformMap(out, [1, 1]);
}

/** Every value of the image in a row, the channel fastest, as a vector. */
export function flattenMap(map: ConstantMap): ConstantMap {
  const places = map.rows.flatMap((r) => map.columns.map((s) => placeOf(map, r, s)));
  return uniformMap(
    places.flatMap((place) => [...map.values.subarray(place, place + map.channels)]),
    [1, 1],
  );
}

/** What a window sees at one place of its output: a tap, and where the values of the input under it begin. */
export interface Tap {
  /** Number of the tap, row by row. */
  tap: number;
  place: number;
}

/** Moves a window over a map; `compute` gets the taps that lie inside the image and fills the output's channels. */
export function moveWindow(
  map: ConstantMap,
  [down, across]: [AxisWindow, AxisWindow],
  channels: number,
  compute: (taps: Tap[], out: Float64Array) => void,
): ConstantMap {
  const [rows, columns] = [sightings(map.rows, down), sightings(map.columns, across)];
  const values = new Float64Array(rows.seen.length * columns.seen.length * channels);
  rows.seen.forEach((rowTaps, r) => {
    columns.seen.forEach((columnTaps, s) => {
      const taps = rowTaps.flatMap((row, i) =>
        columnTaps.flatMap((column, j) =>
          row < 0 || column < 0 ? [] : [{ tap: i * across.size + j, place: placeOf(map, row, column) }],
        ),
      );
      const at = (r * columns.seen.length + s) * channels;
      compute(taps, values.subarray(at, at + channels));
    });
  });
  return simplify({ rows: rows.index, columns: columns.index, channels, values });
}

/** Which rows of the input the window sees at each row of the output (-1: border), each combination once. */
function sightings(rows: number[], window: AxisWindow): { index: number[]; seen: number[][] } {
  const combinations = Array.from({ length: window.output }, (_, y) =>
    Array.from({ length: window.size }, (_, i) => rows[y * window.stride - window.before + i * window.dilation] ?? -1),
  );
  return distinct(combinations);
}

function distinct(combinations: number[][]): { index: number[]; seen: number[][] } {
  const seen: number[][] = [];
  const numbers = new Map<string, number>();
  const index = combinations.map((combination) => {
    const key = combination.join();
    if (!numbers.has(key)) numbers.set(key, seen.push(combination) - 1);
    return numbers.get(key) ?? 0;
  });
  return { index, seen };
}

/** A map of the same image whose stored rows and columns tell apart what any of the maps tells apart. */
function combine(
  maps: ConstantMap[],
  channels: number,
  compute: (places: number[], out: Float64Array) => void,
): ConstantMap {
  const rows = distinct(maps[0].rows.map((_, y) => maps.map((map) => map.rows[y])));
  const columns = distinct(maps[0].columns.map((_, x) => maps.map((map) => map.columns[x])));
  const values = new Float64Array(rows.seen.length * columns.seen.length * channels);
  rows.seen.forEach((row, r) =>
    columns.seen.forEach((column, s) => {
      const at = (r * columns.seen.length + s) * channels;
      const places = maps.map((map, m) => placeOf(map, row[m], column[m]));
      compute(places, values.subarray(at, at + channels));
    }),
  );
  return simplify({ rows: rows.index, columns: columns.index, channels, values });
}

/** Stores rows and columns with equal values once. */
function simplify(map: ConstantMap): ConstantMap {
  const [R, S] = [count(map.rows), count(map.columns)];
  if (R === 1 && S === 1) return map;
  const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
  const strip = (places: number[]): number[] =>
    places.flatMap((place) => [...map.values.subarray(place, place + map.channels)]);
  const rows = distinct(range(R).map((r) => strip(range(S).map((s) => placeOf(map, r, s)))));
  const columns = distinct(range(S).map((s) => strip(range(R).map((r) => placeOf(map, r, s)))));
  if (rows.seen.length === R && columns.seen.length === S) return map;
  const [firstRow, firstColumn] = [rows, columns].map(({ index, seen }) => seen.map((_, i) => index.indexOf(i)));
  const values = firstRow.flatMap((r) => strip(firstColumn.map((s) => placeOf(map, r, s))));
  return {
    rows: map.rows.map((r) => rows.index[r]),
    columns: map.columns.map((s) => columns.index[s]),
    channels: map.channels,
    values: Float64Array.from(values),
  };
}

function mostFrequent(index: number[]): number {
  const times = new Map<number, number>();
  for (const i of index) times.set(i, (times.get(i) ?? 0) + 1);
  return [...times].sort(([, a], [, b]) => b - a)[0][0];
}
