import * as tf from '@tensorflow/tfjs';
import { UserError } from '../../errors.js';
import { forward } from '../../graph/gates.js';
import type { ChannelMasks } from '../../models/channelMasks.js';
import { layerCosts, type LayerCost } from '../count/layerCosts.js';
import { measureLatency, noise, type Latency } from './latency.js';
import { maskedModel } from './maskedModel.js';

export interface ReportOptions {
  /** Images [N, ...] to compare logits on, a tensor for each input; the caller disposes them. Default: 8 of normally distributed noise. */
  images?: tf.Tensor | tf.Tensor[];
  /** How many images pass at once where passes are timed; [] times none. Default [1, 128]. */
  batchSizes?: number[];
  /** Passes that are timed, and passes before them. Default 30 and 5. */
  runs?: number;
  warmUp?: number;
  signal?: AbortSignal;
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
  latency: { batchSize: number; dense: Latency; compact: Latency; speedUp: number }[];
  /** What computed. */
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
  const byLayer = (costs: LayerCost[]): Map<string, LayerCost> => new Map(costs.map((cost) => [cost.layer, cost]));
  const columns = {
    dense: byLayer(layerCosts(dense)),
    masked: byLayer(layerCosts(dense, masks)),
    compact: byLayer(layerCosts(compact)),
  };
  const names = new Set([...columns.dense.keys(), ...columns.compact.keys()]);
  const sizes = (layer: string, key: CostKey): Sizes => ({
    dense: columns.dense.get(layer)?.[key] ?? 0,
    masked: columns.masked.get(layer)?.[key] ?? 0,
    compact: columns.compact.get(layer)?.[key] ?? 0,
  });
  const layers = [...names].map((layer) => ({
    layer,
    parameters: sizes(layer, 'parameters'),
    multiplyAdds: sizes(layer, 'multiplyAdds'),
  }));
  const total = (key: CostKey): Sizes => {
    const sum = (column: keyof Sizes): number => layers.reduce((n, layer) => n + layer[key][column], 0);
    return { dense: sum('dense'), masked: sum('masked'), compact: sum('compact') };
  };
  return { layers, parameters: total('parameters'), multiplyAdds: total('multiplyAdds') };
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

/** Refuses images of other shapes than those of the network's inputs, and of different numbers. */
function checkImages(model: tf.LayersModel, images: tf.Tensor[]): void {
  const shown = (shapes: readonly (readonly (number | null)[])[]): string =>
    shapes.map(([n, ...sides]) => `[${[n ?? 'N', ...sides].join(', ')}]`).join(' and ');
  const shapes = images.map(({ shape }) => shape);
  const wanted = model.inputs.map(({ shape }) => [shapes[0]?.[0] ?? null, ...shape.slice(1)]);
  if (String(shapes) === String(wanted) && shapes.length === wanted.length) return;
  throw new UserError(
    `Images to compare on are ${shown(model.inputs.map(({ shape }) => shape))}, got ${shown(shapes)}.`,
  );
}

/**
 * Compares a network, the masks it was made smaller by, and the small network. Throws a UserError for images of another
 * shape, and the reason of `signal` where that ends it.
 */
export async function compactionReport(
  dense: tf.LayersModel,
  masks: ChannelMasks,
  compact: tf.LayersModel,
  options: ReportOptions = {},
): Promise<CompactionReport> {
  const { batchSizes = [1, 128], images, runs, warmUp, signal } = options;
  if (images) checkImages(dense, [images].flat());
  const compared = images ? [images].flat() : noise(dense, 8);
  const masked = await maskedModel(dense, masks);
  const difference = largestDifference(masked, compact, compared);
  masked.dispose();
  if (!images) tf.dispose(compared);

  const latency: CompactionReport['latency'] = [];
  for (const batchSize of batchSizes) {
    const [before, after] = [
      await measureLatency(dense, batchSize, { runs, warmUp, signal }),
      await measureLatency(compact, batchSize, { runs, warmUp, signal }),
    ];
    latency.push({ batchSize, dense: before, compact: after, speedUp: before.median / after.median });
  }
  const bytes = { dense: 4 * dense.countParams(), compact: 4 * compact.countParams() };
  const table = layerTable(dense, masks, compact);
  return { network: dense.name, ...table, bytes, latency, backend: tf.getBackend(), difference };
}
