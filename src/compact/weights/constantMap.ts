import type { AxisWindow } from '../../graph/kernels.js';
import type { Merge } from '../../graph/layerRole.js';

/**
 * The output of channels that depend on no input: values [R, S, C] and, for each row and column of the image, the index
 * of its stored row (of R) or column (of S). Padding makes such a map differ only near the border, so R and S stay
 * small. A vector is an image with one place.
 */
export interface ConstantMap {
  rows: number[];
  columns: number[];
  channels: number;
  /** [R, S, C], flat, in double precision. */
  values: Float64Array;
}

const count = (index: number[]): number => index.reduce((most, i) => Math.max(most, i), -1) + 1;

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
  return simplify({ ...map, values: map.values.map((value, i) => f(value, i % map.channels)) });
}

/** Whether a map, or one channel of it, is 0 everywhere. */
export function isZero({ values, channels }: ConstantMap, channel?: number): boolean {
  return values.every((value, i) => value === 0 || (channel !== undefined && i % channels !== channel));
}

/** Whether a map has the same values at every place. */
export function isUniform({ values, channels }: ConstantMap): boolean {
  return values.length === channels;
}

/** Some of a map's channels, in the order given. */
export function pickChannels(map: ConstantMap, channels: number[]): ConstantMap {
  return combine([map], channels.length, ([place], out) =>
    channels.forEach((c, k) => (out[k] = map.values[place + c])),
  );
}

/** Concatenates the channels of several maps of one image. */
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

const merges: Record<Merge, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  average: (a, b) => a + b,
  multiply: (a, b) => a * b,
  maximum: (a, b) => Math.max(a, b),
  minimum: (a, b) => Math.min(a, b),
};

/** Merges several maps value by value; a map with one row, one column or one channel is repeated along that axis. */
export function mergeMaps(kind: Merge, maps: ConstantMap[], image: [number, number], channels: number): ConstantMap {
  const wide = maps.map((map) => {
    const all = map.channels < channels ? pickChannels(map, Array<number>(channels).fill(0)) : map;
    const [rows, columns] = [all.rows, all.columns].map((index, axis) =>
      index.length === 1 ? Array<number>(image[axis]).fill(0) : index,
    );
    return { ...all, rows, columns };
  });
  const divisor = kind === 'average' ? maps.length : 1;
  return combine(wide, channels, (places, out) => {
    for (let c = 0; c < channels; c++) {
      out[c] = wide.map(({ values }, m) => values[places[m] + c]).reduce(merges[kind]) / divisor;
    }
  });
}

/** The most common values of the image, one per channel. */
export function commonValues(map: ConstantMap): Float64Array {
  const place = placeOf(map, mostFrequent(map.rows), mostFrequent(map.columns));
  return map.values.slice(place, place + map.channels);
}

/** The values of the whole image, [H, W, C], flat. */
export function fullValues({ rows, columns, channels, values }: ConstantMap): Float32Array {
  const stored = count(columns);
  const full = new Float32Array(rows.length * columns.length * channels);
  rows.forEach((r, y) =>
    columns.forEach((s, x) => {
      const place = (r * stored + s) * channels;
      full.set(values.subarray(place, place + channels), (y * columns.length + x) * channels);
    }),
  );
  return full;
}

/** The map of an image whose values are given in full, [H, W, C], flat. */
export function imageMap(values: ArrayLike<number>, [height, width]: [number, number], channels: number): ConstantMap {
  const range = (length: number): number[] => Array.from({ length }, (_, i) => i);
  return simplify({ rows: range(height), columns: range(width), channels, values: Float64Array.from(values) });
}

/**
 * Moves a window over a map. `compute` gets the taps that lie inside the image, each with its number, counted row by
 * row, and the place where the values under it begin; it fills the output's channels.
 */
export function moveWindow(
  map: ConstantMap,
  [down, across]: [AxisWindow, AxisWindow],
  channels: number,
  compute: (taps: { tap: number; place: number }[], out: Float64Array) => void,
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

/** The rows of the input that the window sees at each row of the output (-1: border), each combination once. */
function sightings(rows: number[], window: AxisWindow): { index: number[]; seen: number[][] } {
  const { size, stride, before, dilation, output, transposed } = window;
  const rowUnder = (y: number, tap: number): number =>
    transposed ? (y + before - tap) / stride : y * stride - before + tap * dilation;
  return distinct(
    // Between two rows and outside the image there is no row.
    Array.from({ length: output }, (_, y) => Array.from({ length: size }, (_, tap) => rows[rowUnder(y, tap)] ?? -1)),
  );
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

/** Combines maps of one image into one, with a separate stored row or column wherever any of the maps differs. */
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
  const { channels, values } = map;
  const [R, S] = [count(map.rows), count(map.columns)];
  const at = (r: number, s: number): number => (r * S + s) * channels;
  const equal = (a: number, b: number): boolean => {
    for (let c = 0; c < channels; c++) if (values[a + c] !== values[b + c]) return false;
    return true;
  };
  const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
  const rows = firstOfEach(R, (a, b) => range(S).every((s) => equal(at(a, s), at(b, s))));
  const columns = firstOfEach(S, (a, b) => rows.first.every((r) => equal(at(r, a), at(r, b))));
  if (rows.first.length === R && columns.first.length === S) return map;
  const kept = rows.first.flatMap((r) =>
    columns.first.flatMap((s) => [...values.subarray(at(r, s), at(r, s) + channels)]),
  );
  return {
    rows: map.rows.map((r) => rows.index[r]),
    columns: map.columns.map((s) => columns.index[s]),
    channels,
    values: Float64Array.from(kept),
  };
}

/** The numbers below n that equal no earlier one, and for each number the index of the one it equals. */
function firstOfEach(n: number, same: (a: number, b: number) => boolean): { first: number[]; index: number[] } {
  const first: number[] = [];
  const index: number[] = [];
  for (let i = 0; i < n; i++) {
    const like = first.findLastIndex((other) => same(other, i));
    index.push(like >= 0 ? like : first.push(i) - 1);
  }
  return { first, index };
}

function mostFrequent(index: number[]): number {
  const times = new Map<number, number>();
  for (const i of index) times.set(i, (times.get(i) ?? 0) + 1);
  return [...times].sort(([, a], [, b]) => b - a)[0][0];
}
