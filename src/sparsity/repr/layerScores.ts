import type * as tf from '@tensorflow/tfjs';
import { filterLayers, filterRows } from '../filterLayers.js';
import { orthogonalityScores } from './orthogonalityScores.js';
import type { LayerScores } from './rankFilters.js';

/** A layer's scores with its name. */
export interface NamedScores extends LayerScores {
  layer: string;
}

/** The orthogonality scores of all filters of a network, by layer from input to output: what `rankFilters` chooses from. */
export function layerScores(model: tf.LayersModel): NamedScores[] {
  return filterLayers(model).map(({ name, kernel, fanIn }) => ({
    layer: name,
    scores: orthogonalityScores(filterRows(kernel)),
    fanIn,
  }));
}
