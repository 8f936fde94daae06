import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cifar10Folder } from './cifar10/files.js';
import { dataFolder } from './dataFolder.js';

/** The name of the best data that is there: 'cifar10' once it has been downloaded, else 'synthetic', which needs no file. */
export function presentData(): 'cifar10' | 'synthetic' {
  return existsSync(join(dataFolder(), cifar10Folder)) ? 'cifar10' : 'synthetic';
}
