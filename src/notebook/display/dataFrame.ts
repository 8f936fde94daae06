import { createRequire } from 'node:module';
import type { DataFrame } from 'danfojs-node';
import { UserError } from '../../errors.js';
import { type Row, tableData } from './table.js';

/**
 * Returns rows as a danfojs DataFrame; danfojs takes a second to load. Throws a UserError if danfojs is not installed
 * or would load a second copy of TensorFlow.js.
 */
export function dataFrame(rows: readonly Row[]): DataFrame {
  const require = createRequire(import.meta.url);
  requireOneTensorCore(danfojs(require));
  const danfo = require('danfojs-node') as {
    DataFrame: new (values: unknown, about: { columns: string[] }) => DataFrame;
  };
  // Given rows, danfojs would assign each row's values to the first row's columns, whatever their names are.
  const { columns, values } = tableData(rows);
  return new danfo.DataFrame(values, { columns: [...columns] });
}

function danfojs(require: NodeJS.Require): string {
  try {
    return require.resolve('danfojs-node');
  } catch {
    throw new UserError(
      'danfojs-node must be installed to make data frames, and is not. table shows rows without it: table(rows). ' +
        'docs/library.md says how to install it.',
    );
  }
}

/**
 * Throws a UserError if `danfo`, the main file of danfojs-node, would load another copy of TensorFlow.js: neither copy
 * can use the other's tensors.
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
