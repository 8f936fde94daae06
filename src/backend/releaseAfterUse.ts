import * as tf from '@tensorflow/tfjs';

interface EngineState {
  gradientDepth: number;
  activeScope: { name: string; id: number };
}

/**
 * Prepares, inside of a gradient function, to dispose its dy once nobody reads it any more: tfjs itself would keep it until the whole
 * backward pass is over, half a gigabyte more for GoogleNet. What the caller of tf.grad passed in (it lies in another scope) is
 * kept, and everything while a higher-order gradient is recorded.
 */
export function releaseAfterUse(dy: tf.Tensor): () => void {
  const { gradientDepth, activeScope } = (tf.engine() as unknown as { state: EngineState }).state;
  const ours = (dy as unknown as { scopeId: number }).scopeId === activeScope.id && activeScope.name === 'backward';
  return () => {
    if (ours && gradientDepth === 0) dy.dispose();
  };
}
