import { createRequire } from 'node:module';
import type { DataFrame } from 'danfojs-node';
import { requireOneTensorCore } from './oneTensorCore.js';

/** A row of a data frame: column name to value. Every row has the same columns. */
export type Row = Readonly<Record<string, string | number | boolean | null>>;

/**
 * A danfojs DataFrame of rows. danfojs is loaded on the first call (about a second).
 *
 * @throws UserError when the package tree holds two copies of TensorFlow.js.
 */
export function dataFrame(rows: readonly Row[]): DataFrame {
  const require = createRequire(import.meta.url);
  requireOneTensorCore(require.resolve('danfojs-node'));
  const danfo = require('danfojs-node') as { DataFrame: new (rows: Row[]) => DataFrame };
  return new danfo.DataFrame([...rows]);
}
