import { UserError } from '../errors.js';

/** What a layer may end with, in the same pass. */
export type Activation = 'linear' | 'relu';

/** Refuses what is not an activation, in a sentence that names the layer. */
export function checkActivation(activation: Activation, layer: string): void {
  if (['linear', 'relu'].includes(activation)) return;
  throw new UserError(`${layer}: activation is 'linear' or 'relu', got '${activation}'`);
}
