import type * as tf from '@tensorflow/tfjs';
import { gatesOf } from '../../graph/gates.js';
import { layerNames, namedWeights } from '../../graph/names.js';
import type { Sparsifier } from '../../sparsity/sparsifier.js';
import type { Optimizer } from '../optimizer.js';
import type { WeightAverages } from '../weightAverages.js';
import type { TrainedState } from './checkpoint.js';
import type { SavedTensor } from '../../formats/safetensors.js';

/** What a run changes. */
export interface TrainedParts {
  model: tf.LayersModel;
  optimizer: Optimizer;
  sparsifier?: Sparsifier;
  averages?: WeightAverages;
}

/** A copy of everything that a run has changed so far: what a checkpoint saves. */
export async function takeState({ model, optimizer, sparsifier, averages }: TrainedParts): Promise<TrainedState> {
  const weights = new Map<string, SavedTensor>();
  const names = layerNames(model);
  for (const [name, weight] of namedWeights(model)) {
    const tensor = weight.read();
    weights.set(name, { shape: [...tensor.shape], values: (await tensor.data()).slice() });
  }
  return {
    weights,
    draws: Object.fromEntries(gatesOf(model).map((gate) => [names.get(gate)!, gate.draws])),
    optimizer: { name: optimizer.name, state: optimizer.state() },
    sparsifier: sparsifier && { name: sparsifier.name, state: sparsifier.state() },
    averages: averages?.state(),
  };
}
