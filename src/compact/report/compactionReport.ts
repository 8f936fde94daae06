import * as tf from '@tensorflow/tfjs';
import { readable, whereReadable } from '../../backend/readable.js';
import { UserError } from '../../errors.js';
import { channelGraph, type ChannelMasks } from '../../graph/channelGraph.js';
import { forward } from '../../graph/gates.js';
import { kernelGeometry, weightOf } from '../../graph/kernels.js';
import type { Weight } from '../../layers/layer.js';
import { hasBytes } from '../../layers/quantized.js';
import { textTable, type Cell } from '../../formats/text.js';
import { layerCosts, type LayerCost } from '../counts.js';
import { networkWeights } from '../weights/layerWeights.js';
import { closings } from '../weights/masks.js';
import type { KeepOptions } from '../shrink/keptChannels.js';
import type { LayerTimes } from '../time/layerTimes.js';
import { timePredictor } from '../time/predictedTime.js';
import { measureLatencies, noise, type Latency, type LatencyOptions } from './latency.js';

/** What a report measures, and how. */
export interface ReportOptions extends LatencyOptions {
  /**
   * Images [N, ...] to compare logits on, a tensor for each input; the caller disposes them. Default: 8 of normally
   * distributed noise.
   */
  images?: tf.Tensor | tf.Tensor[];
  /** The class of each image; if given, the report includes the accuracy of both networks. */
  labels?: ArrayLike<number>;
  /** Batch sizes at which forward passes are timed; [] times none. Default [1, 128]. */
  batchSizes?: number[];
  /**
   * Times of the network's layers (`layerTimes`), one for each of the batch sizes at which the time is also predicted.
   */
  times?: readonly LayerTimes[];
}

/** One size of a network: as trained, without its closed channels, and after compaction. */
export interface Sizes {
  dense: number;
  masked: number;
  compact: number;
}

/** What a compaction gained, counted as in `layerCosts`. */
export interface CompactionReport {
  network: string;
  parameters: Sizes;
  multiplyAdds: Sizes;
  /**
   * All weights, including running statistics and gates: 4 bytes each, 1 if int8. `float`: the compact network before
   * it was converted to int8.
   */
  bytes: Omit<Sizes, 'masked'> & { float?: number };
  layers: { layer: string; parameters: Sizes; multiplyAdds: Sizes }[];
  /** Forward passes of the full network, including its gates, and of the small one. */
  latency: {
    batchSize: number;
    dense: Latency;
    float?: Latency;
    compact: Latency;
    speedUp: number;
    /** The milliseconds predicted from the times of the layers, with all batch norms and in floats. */
    predicted?: { dense: number; compact: number };
  }[];
  backend: string;
  /**
   * The largest difference between the logits of the masked and the small network, absolute and relative to the largest
   * logit.
   */
  difference: { absolute: number; relative: number; images: number };
  /** The share of the images that each network classifies correctly, if labels were given. */
  accuracy?: { masked: number; compact: number; images: number };
}

/**
 * What is compared: a network, the masks and options with which it was made smaller, the small network, and the small
 * network before it was converted to int8.
 */
interface Compared {
  original: tf.LayersModel;
  masks: ChannelMasks;
  keep: KeepOptions;
  model: tf.LayersModel;
  float?: tf.LayersModel;
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

/** The batch size for comparing logits. */
const BATCH = 64;

/** A network's outputs for some images, batch by batch. */
function logitsOf(model: tf.LayersModel, images: tf.Tensor[]): tf.Tensor[] {
  const n = images[0].shape[0];
  const parts = Array.from({ length: Math.ceil(n / BATCH) }, (_, i) =>
    tf.tidy(() =>
      [
        forward(
          model,
          images.map((x) => x.slice(i * BATCH, Math.min(BATCH, n - i * BATCH))),
        ),
      ].flat(),
    ),
  );
  return model.outputs.map((_, i) => tf.concat(parts.map((part) => part[i])));
}

/** The difference between the outputs of two networks, and the share of images that each classifies correctly. */
function compareOutputs(
  wanted: tf.Tensor[],
  got: tf.Tensor[],
  labels: ArrayLike<number> | undefined,
): Pick<CompactionReport, 'difference' | 'accuracy'> {
  const images = wanted[0].shape[0];
  const most = (values: tf.Tensor[]): number => Math.max(...values.map((t) => t.abs().max().dataSync()[0]));
  const absolute = most(wanted.map((t, i) => t.sub(got[i])));
  const scale = most(wanted);
  const difference = { absolute, relative: scale > 0 ? absolute / scale : absolute, images };
  if (!labels) return { difference };
  const right = ([logits]: tf.Tensor[]): number =>
    logits
      .argMax(-1)
      .dataSync()
      .filter((answer, i) => answer === labels[i]).length / images;
  return { difference, accuracy: { masked: right(wanted), compact: right(got), images } };
}

/**
 * Runs `work` with the masks applied to the network's weights (`closings`), so that closed channels compute nothing,
 * and restores the weights.
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

/**
 * Throws a UserError for images whose shapes differ from those of the network's inputs, for inputs with different
 * numbers of images, and for no images; `what` begins the message.
 */
export function checkImages(model: tf.LayersModel, images: tf.Tensor[], what: string): void {
  const shown = (shapes: readonly (readonly (number | string | null)[])[]): string =>
    shapes.map(([n, ...sides]) => `[${[n ?? 'N', ...sides].join(', ')}]`).join(' and ');
  const shapes = images.map((image) => (image instanceof tf.Tensor ? image.shape : [typeof image]));
  const wanted = model.inputs.map(({ shape }) => [shapes[0]?.[0] ?? null, ...shape.slice(1)]);
  if (String(shapes) === String(wanted) && shapes.length === wanted.length && shapes[0][0] !== 0) return;
  throw new UserError(
    `${what} must be ${shown(model.inputs.map(({ shape }) => shape))}; received ${shown(shapes) || 'none'}.`,
  );
}

/**
 * Compares networks. Throws a UserError for images of another shape, the wrong number of labels or times of other
 * layers, and the reason of `signal` if it is aborted.
 */
export async function compactionReport(
  { original: dense, masks, model: compact, float, keep }: Compared,
  options: ReportOptions = {},
): Promise<CompactionReport> {
  const { batchSizes = [1, 128], images, labels, runs, warmUp, compiled, signal, times = [] } = options;
  if (images) checkImages(dense, [images].flat(), 'Images to compare on');
  const compared = images ? [images].flat() : noise(dense, 8);
  const [{ shape }] = dense.outputs;
  if (labels && (shape.length !== 2 || shape[1]! < 2)) {
    throw new UserError(
      `Labels must belong to a network that gives [N, classes] with at least 2 classes; ${dense.name} gives ` +
        `[${['N', ...shape.slice(1)].join(', ')}]. Leave them out.`,
    );
  }
  if (labels && labels.length !== compared[0].shape[0]) {
    throw new UserError(
      `Labels must be one for each of the ${compared[0].shape[0]} images; received ${labels.length}.`,
    );
  }
  await readable();
  const compare = (): Pick<CompactionReport, 'difference' | 'accuracy'> =>
    tf.tidy(() => compareOutputs(logitsOf(dense, compared), logitsOf(compact, compared), labels));
  const outcome = whileMasked(dense, masks, () => whereReadable(compare));
  if (!images) tf.dispose(compared);

  const latency: CompactionReport['latency'] = [];
  for (const batchSize of batchSizes) {
    const models = [dense, compact, ...(float ? [float] : [])];
    const [before, after, between] = await measureLatencies(models, batchSize, { runs, warmUp, compiled, signal });
    const known = times.find((each) => each.batchSize === batchSize);
    const predict = known && timePredictor(dense, known);
    latency.push({
      batchSize,
      dense: before,
      ...(float && { float: between }),
      compact: after,
      speedUp: before.median / after.median,
      ...(predict && { predicted: { dense: predict(new Map()), compact: predict(masks, keep) } }),
    });
  }
  const bytes = { dense: bytesOf(dense), ...(float && { float: bytesOf(float) }), compact: bytesOf(compact) };
  const table = layerTable(dense, masks, compact);
  return { network: dense.name, ...table, bytes, latency, backend: tf.getBackend(), ...outcome };
}

const bytesOf = (model: tf.LayersModel): number =>
  model.weights.reduce((sum, weight) => sum + weight.read().size * (hasBytes(weight) ? 1 : 4), 0);

const times = (dense: number, compact: number): string => (compact > 0 ? `${(dense / compact).toFixed(2)} x` : '');
const digits = (ms: number): string => ms.toFixed(ms < 10 ? 2 : 1);
const milliseconds = ({ median, p10, p90 }: Latency): string => {
  const [middle, low, high] = [median, p10, p90].map(digits);
  return `${middle} (${low}-${high})`;
};

type Column = 'dense' | 'masked' | 'float' | 'compact';

/** A report as text: the sizes of the network, the time of a forward pass, and the difference of the logits. */
export function reportText(report: CompactionReport): string {
  const { network, parameters, multiplyAdds, bytes, latency, backend, difference, accuracy } = report;
  const columns: Column[] = ['dense', 'masked', ...(bytes.float === undefined ? [] : ['float' as const]), 'compact'];
  const row = (what: string, cells: Partial<Record<Column, string>>, smaller: string): Record<string, Cell> => ({
    '': what,
    ...Object.fromEntries(columns.map((column) => [column, cells[column] ?? ''])),
    smaller,
  });
  const counts = (what: string, sizes: Partial<Record<Column, number>>): Record<string, Cell> => {
    const cells = Object.entries(sizes).map(([column, n]) => [column, n.toLocaleString('en')]);
    return row(what, Object.fromEntries(cells) as Record<Column, string>, times(sizes.dense!, sizes.compact!));
  };
  const timeRows = latency.flatMap(({ batchSize, dense, float, compact, predicted }) => {
    const what = `${batchSize === 1 ? 'one image' : `${batchSize} images`}, ms`;
    const cells = { dense: milliseconds(dense), float: float && milliseconds(float), compact: milliseconds(compact) };
    const measured = row(what, cells, times(dense.median, compact.median));
    if (!predicted) return [measured];
    const [before, after] = [predicted.dense, predicted.compact];
    const words = { dense: digits(before), [float ? 'float' : 'compact']: digits(after) };
    return [measured, row(`${what} predicted`, words, times(before, after))];
  });
  const rows = [
    counts('parameters', parameters),
    counts('multiply-adds per image', multiplyAdds),
    counts('bytes', bytes),
    ...timeRows,
  ];
  // Counts and times share columns, so the table would treat them as words: align them to the right here.
  for (const column of [...columns, 'smaller']) {
    const width = Math.max(...rows.map((cells) => String(cells[column]).length));
    for (const cells of rows) cells[column] = String(cells[column]).padStart(width);
  }
  const uncompiled = latency.flatMap(({ dense, compact }) => [dense, compact]).filter(({ compiled }) => !compiled);
  const passes = uncompiled.length === 0 ? 'passes of compiled plans' : 'passes';
  const timed =
    latency.length > 0 ? `Times: median (p10-p90) of ${latency[0].dense.runs} ${passes}, backend ${backend}.\n` : '';
  const { absolute, relative, images } = difference;
  const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
  const right =
    accuracy &&
    `Accuracy on ${accuracy.images} images: ${percent(accuracy.masked)} masked, ${percent(accuracy.compact)} compact.\n`;
  return (
    `${network}\n${textTable(rows)}${timed}` +
    `Largest difference of logits, masked against compact, on ${images} images: ` +
    `${absolute.toExponential(1)}, ${relative.toExponential(1)} of the largest logit.\n${right ?? ''}`
  );
}
