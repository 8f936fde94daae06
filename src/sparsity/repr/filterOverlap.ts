import type * as tf from '@tensorflow/tfjs';
import type { ChannelMasks } from '../../models/channelMasks.js';
import { filterLayers, filterRows } from '../filterLayers.js';
import { filterCosines } from './filterCosines.js';
import { orthogonalityScores } from './orthogonalityScores.js';

/** How much the filters of each convolution overlap: the mean orthogonality score of those that are on, by layer. */
export function filterOverlap(model: tf.LayersModel, masks: ChannelMasks = new Map()): Map<string, number> {
  return new Map(
    filterLayers(model).map(({ name, kernel }) => {
      const scores = orthogonalityScores(filterRows(kernel).filter((_, f) => masks.get(name)?.[f] !== 0));
      return [name, scores.reduce((sum, score) => sum + score, 0) / Math.max(1, scores.length)];
    }),
  );
}

/** The cosines between the filters of each convolution as they are now, by layer. */
export function cosinesByLayer(model: tf.LayersModel): Map<string, number[][]> {
  return new Map(filterLayers(model).map(({ name, kernel }) => [name, filterCosines(filterRows(kernel))]));
}
