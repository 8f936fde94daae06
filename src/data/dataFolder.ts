import { basename, dirname, env, join, packageFolder, resolve } from '#platform';

/**
 * Returns the folder of data sets and runs: the one that the environment variable SPARSEBOOK_DATA names, if it is not
 * empty; otherwise `data/` of this project, or, if this is a package installed in another project, `data/` of the
 * folder that the program runs in.
 */
export function dataFolder(): string {
  const isInstalled = basename(dirname(packageFolder)) === 'node_modules';
  return resolve(env.SPARSEBOOK_DATA || (isInstalled ? 'data' : join(packageFolder, 'data')));
}
