import * as tf from '@tensorflow/tfjs';
import { whereReadable } from '../../backend/readable.js';
import { UserError } from '../../errors.js';
import type { LayerNode } from '../../graph/networkGraph.js';
import { percentile } from '../report/latency.js';

/** The values that a tensor of a network takes. */
export interface Range {
  low: number;
  high: number;
}

/** Images that pass at once. */
const BATCH = 32;

/**
 * The range of what some layers of a network give for images: of each batch of 32 what is left once (100 - percent) / 2
 * % of the values are cut off at either end, of all batches the widest; 0 lies within. Layers that are used once only.
 *
 * Throws a UserError for images or values that are not finite.
 */
export function rangesOf(
  model: tf.LayersModel,
  nodes: LayerNode[],
  images: tf.Tensor[],
  percent: number,
): Map<LayerNode, Range> {
  return whereReadable(() => {
    const outputs = nodes.map(({ layer }) => layer.output as tf.SymbolicTensor);
    const inner = tf.model({ inputs: model.inputs, outputs });
    const ranges = new Map(nodes.map((node) => [node, { low: 0, high: 0 }]));
    for (let from = 0; from < images[0].shape[0]; from += BATCH) {
      tf.tidy(() => {
        const batch = images.map((image) => image.slice(from, Math.min(BATCH, image.shape[0] - from)));
        if (batch.some((image) => !allFinite(image))) {
          throw new UserError(`Calibration images must be finite numbers; those from image ${from} on are not.`);
        }
        const tensors = [inner.apply(batch)].flat() as tf.Tensor[];
        nodes.forEach((node, i) => widen(ranges.get(node)!, tensors[i], percent, node.name));
      });
    }
    return ranges;
  });
}

const allFinite = (x: tf.Tensor): boolean => tf.isFinite(x).all().dataSync()[0] === 1;

function widen(range: Range, values: tf.Tensor, percent: number, layer: string): void {
  const [least, most] = [values.min(), values.max()].map((t) => t.dataSync()[0]);
  if (!Number.isFinite(least) || !Number.isFinite(most)) {
    throw new UserError(`The layer ${layer} gives numbers that are not finite: an int8 network cannot be made of it.`);
  }
  const cut = (100 - percent) / 200;
  if (cut === 0) {
    range.low = Math.min(range.low, least);
    range.high = Math.max(range.high, most);
    return;
  }
  const sorted = values.dataSync<'float32'>().slice().sort() as unknown as number[];
  range.low = Math.min(range.low, percentile(sorted, cut));
  range.high = Math.max(range.high, percentile(sorted, 1 - cut));
}
