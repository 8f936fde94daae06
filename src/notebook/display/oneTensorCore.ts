import { createRequire } from 'node:module';
import { UserError } from '../../errors.js';

/**
 * Refuses a package tree with two copies of TensorFlow.js: tensors of one are strangers to the other.
 *
 * `danfo` is the main file of the danfojs-node that is about to be loaded.
 *
 * @throws UserError with both places.
 */
export function requireOneTensorCore(danfo: string): void {
  const coreOf = (file: string): string => createRequire(file).resolve('@tensorflow/tfjs-core');
  const ours = coreOf(createRequire(import.meta.url).resolve('@tensorflow/tfjs'));
  const theirs = coreOf(createRequire(danfo).resolve('@tensorflow/tfjs-node'));
  if (ours === theirs) return;
  throw new UserError(
    `the package tree must hold one TensorFlow.js, but danfojs-node uses ${theirs} and everything else ${ours}: ` +
      'install with the overrides of this project (npm ci in its folder)',
  );
}
