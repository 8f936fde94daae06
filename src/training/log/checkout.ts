import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

/** Which code runs. */
export interface Checkout {
  /** Of this package. */
  version: string;
  /** The commit of this package's checkout, if it is one. */
  gitSha?: string;
  /** Whether tracked files differed from that commit. */
  gitChanged?: boolean;
}

const root = resolve(import.meta.dirname, '..', '..', '..');

/** The version of this package and, if it is a checkout, its commit. */
export async function checkout(): Promise<Checkout> {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  return { version, ...(await commit()) };
}

async function commit(): Promise<Omit<Checkout, 'version'>> {
  const git = async (...args: string[]): Promise<string> =>
    (await promisify(execFile)('git', ['-C', root, ...args])).stdout.trim();
  try {
    // An installed package may lie inside another repository, whose commit says nothing about this code.
    if ((await git('rev-parse', '--show-prefix')) !== '') return {};
    return {
      gitSha: await git('rev-parse', 'HEAD'),
      gitChanged: (await git('status', '--porcelain', '--untracked-files=no')) !== '',
    };
  } catch {
    return {};
  }
}
