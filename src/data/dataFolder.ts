import { basename, dirname, env, join, packageFolder, resolve } from '#platform';

/**
 * The folder that data sets and runs lie in: the one that the environment variable SPARSEBOOK_DATA names, if that
 * is not empty, or `data/` of this project; where this is a package in another project, `data/` of the folder that the
 * program runs in.
 */
export function dataFolder(): string {
  const isInstalled = basename(dirname(packageFolder)) === 'node_modules';
  return resolve(env.SPARSEBOOK_DATA || (isInstalled ? 'data' : join(packageFolder, 'data')));
}
