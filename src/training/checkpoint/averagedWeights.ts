import type { SavedTensor } from '../../formats/safetensors.js';
import type { Checkpoint } from './checkpoint.js';

/** The weights that a checkpoint's network is evaluated with: the averages where it has any, and 0 where the weight is 0. */
export function averagedWeights({
  weights,
  averages,
}: Pick<Checkpoint, 'weights' | 'averages'>): Checkpoint['weights'] {
  const means = Object(averages?.averages) as Record<string, Float32Array | undefined>;
  const evaluated = (name: string, { shape, values }: SavedTensor): SavedTensor => {
    const mean = means[name];
    return { shape, values: mean ? Float32Array.from(values, (value, i) => (value === 0 ? 0 : mean[i])) : values };
  };
  return new Map([...weights].map(([name, tensor]) => [name, evaluated(name, tensor)]));
}
