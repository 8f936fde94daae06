import { join, resolve } from 'node:path';

/**
 * The folder that data sets lie in: `data/` of this project, or the one that the environment variable SPARSEBOOK_DATA
 * names.
 */
export function dataFolder(): string {
  return resolve(process.env.SPARSEBOOK_DATA ?? join(import.meta.dirname, '..', '..', 'data'));
}
