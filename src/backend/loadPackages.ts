// Backends that other packages bring, if they are installed.
import * as tf from '@tensorflow/tfjs';
import { requirePackage } from '#platform';
import { UserError } from '../errors.js';

const NATIVE = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'];

/**
 * Loads native TensorFlow, which registers the backend 'tensorflow', and returns its package's name. Throws a UserError
 * that says why not.
 */
export function loadTensorflow(): string {
  const reasons: string[] = [];
  for (const name of NATIVE) {
    try {
      restoreRemovedUtilities();
      requirePackage(name);
      if (tf.findBackendFactory('tensorflow') !== null) return name;
      reasons.push(`${name} brings no native library.`);
    } catch (error) {
      reasons.push(`${name}: ${explain(error as NodeJS.ErrnoException)}`);
    }
  }
  throw new UserError(
    `The backend 'tensorflow' needs tfjs-node and its native library, and neither package loads. ${reasons.join(' ')} ` +
      `Run 'npm install ${NATIVE[1]}' where its download is reachable, or choose backend 'simd'.`,
  );
}

function explain(error: NodeJS.ErrnoException): string {
  if (error.code === 'MODULE_NOT_FOUND') return 'it is not installed.';
  return error.message.includes('native addon')
    ? 'its native library was not downloaded.'
    : error.message.split('\n')[0] + '.';
}

/** tfjs-node still calls functions that Node 23 removed from `util`. */
function restoreRemovedUtilities(): void {
  const legacy = requirePackage('node:util') as Record<string, unknown>;
  legacy.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  legacy.isArray ??= Array.isArray;
}
