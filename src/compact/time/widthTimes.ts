/**
 * The time of a layer by its numbers of input and output channels; a layer that outputs the channels it reads has one
 * input width.
 */
export interface WidthTimes {
  /** Widths, rising. */
  inputs: number[];
  outputs: number[];
  /** Milliseconds [inputs][outputs]. */
  ms: number[][];
}

/** The number of output channels that kernels compute at a time. */
const STEP = 4;

/**
 * Widths up to `most` at which a layer is timed: multiples of 4 that double from 16 on, down to a sixteenth of `most`.
 */
export function widthGrid(most: number): number[] {
  const widths = [STEP, 2 * STEP, 3 * STEP];
  for (let width = 4 * STEP; width < most; width *= 2) widths.push(width);
  const inside = widths.filter((width) => width < most && width >= most / 16);
  return inside.length === 0 && most > 1 ? [1, most] : [...inside, most];
}

/** The position of a width between two grid points; beyond the ends, on the line through the nearest two. */
function placeOf(grid: readonly number[], width: number): { low: number; high: number; share: number } {
  if (grid.length === 1) return { low: 0, high: 0, share: 0 };
  const last = grid.length - 2;
  const low = Math.min(
    last,
    Math.max(
      0,
      grid.findLastIndex((each) => each <= width),
    ),
  );
  return { low, high: low + 1, share: (width - grid[low]) / (grid[low + 1] - grid[low]) };
}

/**
 * The milliseconds of a layer with the given widths: bilinear between the widths that were timed, so exact if the time
 * is a + b inputs + c outputs + d inputs outputs.
 */
export function timeAt({ inputs, outputs, ms }: WidthTimes, input: number, output: number): number {
  const [row, column] = [placeOf(inputs, input), placeOf(outputs, output)];
  const along = (i: number): number => ms[i][column.low] + column.share * (ms[i][column.high] - ms[i][column.low]);
  return Math.max(0, along(row.low) + row.share * (along(row.high) - along(row.low)));
}

/** The number of outputs whose time to charge: kernels compute four at a time, but never more than the layer had. */
export function computedOutputs({ outputs }: WidthTimes, output: number): number {
  return Math.min(Math.max(output, outputs.at(-1)!), STEP * Math.ceil(output / STEP));
}

/** Pairs of the sum of the times of a network's single layers and the time of the whole network, in milliseconds. */
export type WholeTimes = [sum: number, whole: number][];

/** Sorts pairs by their sum and evens out measurement noise, so that the whole never falls while the sum rises. */
export function rising(pairs: Readonly<WholeTimes>): WholeTimes {
  const blocks: { pairs: WholeTimes; mean: number }[] = [];
  for (const pair of [...pairs].sort(([a], [b]) => a - b)) {
    blocks.push({ pairs: [pair], mean: pair[1] });
    // Neighbours out of order take their mean (pool adjacent violators).
    for (let last = blocks.at(-1)!; blocks.length > 1 && blocks.at(-2)!.mean > last.mean; last = blocks.at(-1)!) {
      blocks.pop();
      const joined = [...blocks.pop()!.pairs, ...last.pairs];
      blocks.push({ pairs: joined, mean: joined.reduce((sum, [, whole]) => sum + whole, 0) / joined.length });
    }
  }
  return blocks.flatMap(({ pairs: inside, mean }) => inside.map(([sum]): [number, number] => [sum, mean]));
}

/**
 * The milliseconds of a whole network whose layers' times add up to `sum`: linear between known pairs, proportional
 * beyond them.
 */
export function wholeAt(pairs: WholeTimes, sum: number): number {
  const next = pairs.findIndex(([known]) => known > sum);
  const [known, whole] = next === 0 ? pairs[0] : next < 0 ? pairs.at(-1)! : pairs[next - 1];
  if (next <= 0) return known > 0 ? (whole * sum) / known : whole;
  const [knownNext, wholeNext] = pairs[next];
  return whole + ((sum - known) / (knownNext - known)) * (wholeNext - whole);
}
