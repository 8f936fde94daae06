import { createRequire } from 'node:module';
import type { DataFrame } from 'danfojs-node';
import { UserError } from '../../errors.js';

/** A row of a data frame: column name to value. Every row has the same columns. */
export type Row = Readonly<Record<string, string | number | boolean | null>>;

/**
 * A danfojs DataFrame of rows. danfojs is loaded on the first call (about a second).
 *
 * @throws UserError when the package tree holds two copies of TensorFlow.js: tensors of one are strangers to the other.
 */
export function dataFrame(rows: readonly Row[]): DataFrame {
  const require = createRequire(import.meta.url);
  refuseSecondCore(require);
  const danfo = require('danfojs-node') as { DataFrame: new (rows: Row[]) => DataFrame };
  return new danfo.DataFrame([...rows]);
}

function refuseSecondCore(require: NodeJS.Require): void {
  const core = (from: NodeJS.Require): string => from.resolve('@tensorflow/tfjs-core');
  const ours = core(createRequire(require.resolve('@tensorflow/tfjs')));
  const danfo = createRequire(require.resolve('danfojs-node'));
  const theirs = core(createRequire(danfo.resolve('@tensorflow/tfjs-node')));
  if (ours !== theirs) {
    throw new UserError(
      `the package tree must hold one TensorFlow.js, but danfojs-node uses ${theirs} and everything else ${ours}: ` +
        'install with the overrides of this project (npm ci in its folder)',
    );
  }
}
