import * as tf from '@tensorflow/tfjs';
import { readable, whereReadable } from '../../backend/readable.js';
import { UserError } from '../../errors.js';
import { channelGraph, type ChannelMasks } from '../../graph/channelGraph.js';
import { forward } from '../../graph/gates.js';
import { kernelGeometry, weightOf } from '../../graph/kernels.js';
import type { Weight } from '../../layers/layer.js';
import { textTable, type Cell } from '../../formats/text.js';
import { layerCosts, type LayerCost } from '../count/counts.js';
import { networkWeights } from '../weights/layerWeights.js';
import { closings } from '../weights/masks.js';
import type { KeepOptions } from '../shrink/keptChannels.js';
import type { LayerTimes } from '../time/layerTimes.js';
import { timePredictor } from '../time/predictedTime.js';
import { measureLatencies, noise, type Latency, type LatencyOptions } from './latency.js';

/** What a report measures, besides how often. */
export interface ReportOptions extends LatencyOptions {
  /** Images [N, ...] to compare logits on, a tensor for each input; the caller disposes them. Default: 8 of normally distributed noise. */
  images?: tf.Tensor | tf.Tensor[];
  /** How many images pass at once where passes are timed; [] times none. Default [1, 128]. */
  batchSizes?: number[];
  /** Times of the network's layers (`layerTimes`), for each of the batch sizes whose passes are predicted as well. */
  times?: readonly LayerTimes[];
}

/** One size of a network: as it was trained, with closed channels counted out, and made smaller. */
export interface Sizes {
  dense: number;
  masked: number;
  compact: number;
}

/** What a compaction won, by the conventions of `layerCosts`. */
export interface CompactionReport {
  network: string;
  parameters: Sizes;
  multiplyAdds: Sizes;
  /** All weights as 32-bit numbers, running statistics and gates included. */
  bytes: Omit<Sizes, 'masked'>;
  layers: { layer: string; parameters: Sizes; multiplyAdds: Sizes }[];
  /** Forward passes of the network at full size, gates included if it has any, and of the small one. */
  latency: {
    batchSize: number;
    dense: Latency;
    compact: Latency;
    speedUp: number;
    /** The milliseconds that the times of the layers predict, with all batch norms. */
    predicted?: { dense: number; compact: number };
  }[];
  backend: string;
  /** The largest difference of logits between the masked and the small network, and as a share of the largest logit. */
  difference: { absolute: number; relative: number; images: number };
}

type CostKey = 'parameters' | 'multiplyAdds';

function layerTable(
  dense: tf.LayersModel,
  masks: ChannelMasks,
  compact: tf.LayersModel,
): Pick<CompactionReport, 'layers' | CostKey> {
  const columns = { dense: layerCosts(dense), masked: layerCosts(dense, masks), compact: layerCosts(compact) };
  const sizes = (key: CostKey, only: (cost: LayerCost) => boolean = () => true): Sizes => {
    const sum = (costs: LayerCost[]): number => costs.filter(only).reduce((n, cost) => n + cost[key], 0);
    return { dense: sum(columns.dense), masked: sum(columns.masked), compact: sum(columns.compact) };
  };
  const names = new Set([...columns.dense, ...columns.compact].map(({ layer }) => layer));
  const layers = [...names].map((layer) => {
    const own = (cost: LayerCost): boolean => cost.layer === layer;
    return { layer, parameters: sizes('parameters', own), multiplyAdds: sizes('multiplyAdds', own) };
  });
  return { layers, parameters: sizes('parameters'), multiplyAdds: sizes('multiplyAdds') };
}

function largestDifference(a: tf.LayersModel, b: tf.LayersModel, images: tf.Tensor[]): CompactionReport['difference'] {
  return tf.tidy(() => {
    const [wanted, got] = [a, b].map((model) => [forward(model, images)].flat());
    const most = (values: tf.Tensor[]): number => Math.max(...values.map((t) => t.abs().max().dataSync()[0]));
    const absolute = most(wanted.map((t, i) => t.sub(got[i])));
    const scale = most(wanted);
    return { absolute, relative: scale > 0 ? absolute / scale : absolute, images: images[0].shape[0] };
  });
}

/**
 * Does some work with a network whose weights are those that masks mean (`closings`): channels that they close compute
 * nothing. The weights are what they were after it.
 */
function whileMasked<T>(model: tf.LayersModel, masks: ChannelMasks, work: () => T): T {
  const before: { weight: Weight; values: tf.Tensor }[] = [];
  const close = (weight: Weight, factorOf: (entry: number) => number): void => {
    const values = weight.read().clone();
    before.push({ weight, values });
    const closed = values.dataSync<'float32'>().map((value, i) => value * factorOf(i));
    tf.tidy(() => void weight.write(tf.tensor(closed, values.shape)));
  };
  try {
    for (const [{ layer, outputShape }, factors] of closings(networkWeights(channelGraph(model)), masks)) {
      for (const { weight, outputOf } of kernelGeometry(layer, outputShape)!.kernels) {
        if (outputOf) close(weight, (entry) => factors[outputOf(entry)]);
      }
      const bias = weightOf(layer, 'bias');
      if (bias) close(bias, (channel) => factors[channel]);
    }
    return work();
  } finally {
    for (const { weight, values } of before) weight.write(values);
    tf.dispose(before.map(({ values }) => values));
  }
}

/** Refuses images of other shapes than those of the network's inputs, and of different numbers. */
function checkImages(model: tf.LayersModel, images: tf.Tensor[]): void {
  const shown = (shapes: readonly (readonly (number | null)[])[]): string =>
    shapes.map(([n, ...sides]) => `[${[n ?? 'N', ...sides].join(', ')}]`).join(' and ');
  const shapes = images.map(({ shape }) => shape);
  const wanted = model.inputs.map(({ shape }) => [shapes[0]?.[0] ?? null, ...shape.slice(1)]);
  if (String(shapes) === String(wanted) && shapes.length === wanted.length) return;
  throw new UserError(
    `Images to compare on must be ${shown(model.inputs.map(({ shape }) => shape))}; received ${shown(shapes)}.`,
  );
}

/**
 * Compares a network, the masks and options it was made smaller by, and the small network. Throws a UserError for images of another
 * shape, for times of other layers, and the reason of `signal` where that ends it.
 */
export async function compactionReport(
  dense: tf.LayersModel,
  masks: ChannelMasks,
  compact: tf.LayersModel,
  options: ReportOptions & { kept?: KeepOptions } = {},
): Promise<CompactionReport> {
  const { batchSizes = [1, 128], images, runs, warmUp, signal, times = [], kept } = options;
  if (images) checkImages(dense, [images].flat());
  const compared = images ? [images].flat() : noise(dense, 8);
  await readable();
  const difference = whileMasked(dense, masks, () => whereReadable(() => largestDifference(dense, compact, compared)));
  if (!images) tf.dispose(compared);

  const latency: CompactionReport['latency'] = [];
  for (const batchSize of batchSizes) {
    const [before, after] = await measureLatencies([dense, compact], batchSize, { runs, warmUp, signal });
    const known = times.find((each) => each.batchSize === batchSize);
    const predict = known && timePredictor(dense, known);
    const predicted = predict && { dense: predict(new Map()), compact: predict(masks, kept) };
    const speedUp = before.median / after.median;
    latency.push({ batchSize, dense: before, compact: after, speedUp, ...(predicted && { predicted }) });
  }
  const bytes = { dense: 4 * dense.countParams(), compact: 4 * compact.countParams() };
  const table = layerTable(dense, masks, compact);
  return { network: dense.name, ...table, bytes, latency, backend: tf.getBackend(), difference };
}

const times = (dense: number, compact: number): string => (compact > 0 ? `${(dense / compact).toFixed(2)} x` : '');
const digits = (ms: number): string => ms.toFixed(ms < 10 ? 2 : 1);
const milliseconds = ({ median, p10, p90 }: Latency): string => {
  const [middle, low, high] = [median, p10, p90].map(digits);
  return `${middle} (${low}-${high})`;
};

function row(what: string, sizes: Omit<Sizes, 'masked'> & Partial<Sizes>): Record<string, Cell> {
  const shown = (n: number | undefined): string => n?.toLocaleString('en') ?? '';
  const { dense, masked, compact } = sizes;
  const [a, b, c] = [dense, masked, compact].map(shown);
  return { '': what, dense: a, masked: b, compact: c, smaller: times(dense, compact) };
}

/** A report as text: the sizes of the network, how long it takes, and how far the logits are apart. */
export function reportText(report: CompactionReport): string {
  const { network, parameters, multiplyAdds, bytes, latency, backend, difference } = report;
  const passes = latency.flatMap(({ batchSize, dense, compact, predicted }): Record<string, Cell>[] => {
    const what = `${batchSize === 1 ? 'one image' : `${batchSize} images`}, ms`;
    const shown = (of: string, before: string, after: string, smaller: string): Record<string, Cell> => {
      return { '': of, dense: before, masked: '', compact: after, smaller };
    };
    const measured = shown(what, milliseconds(dense), milliseconds(compact), times(dense.median, compact.median));
    if (!predicted) return [measured];
    const [before, after] = [predicted.dense, predicted.compact];
    return [measured, shown(`${what} predicted`, digits(before), digits(after), times(before, after))];
  });
  const rows = [
    row('parameters', parameters),
    row('multiply-adds per image', multiplyAdds),
    row('bytes', bytes),
    ...passes,
  ];
  // Counts and times share columns, so that the table takes them for words: set them to the right here.
  for (const column of ['dense', 'masked', 'compact', 'smaller']) {
    const width = Math.max(...rows.map((cells) => String(cells[column]).length));
    for (const cells of rows) cells[column] = String(cells[column]).padStart(width);
  }
  const timed =
    latency.length > 0 ? `Times: median (p10-p90) of ${latency[0].dense.runs} passes, backend ${backend}.\n` : '';
  const { absolute, relative, images } = difference;
  return (
    `${network}\n${textTable(rows)}${timed}` +
    `Largest difference of logits, masked against compact, on ${images} images: ` +
    `${absolute.toExponential(1)}, ${relative.toExponential(1)} of the largest logit.\n`
  );
}
