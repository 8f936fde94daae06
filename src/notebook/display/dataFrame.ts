import { createRequire } from 'node:module';
import type { DataFrame } from 'danfojs-node';
import { UserError } from '../../errors.js';

/** A row of a data frame: column name to value. Every row has the same columns. */
export type Row = Readonly<Record<string, string | number | boolean | null>>;

/** A danfojs DataFrame of rows; danfojs takes a second to load. Throws a UserError for two TensorFlow.js. */
export function dataFrame(rows: readonly Row[]): DataFrame {
  const require = createRequire(import.meta.url);
  requireOneTensorCore(require.resolve('danfojs-node'));
  const danfo = require('danfojs-node') as { DataFrame: new (rows: Row[]) => DataFrame };
  return new danfo.DataFrame([...rows]);
}

/**
 * Throws a UserError where `danfo`, the main file of danfojs-node, would bring another copy of TensorFlow.js: tensors
 * of one are strangers to the other.
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
