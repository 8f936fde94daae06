import { shapeOf } from '../../data/imageSet.js';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import * as tf from '@tensorflow/tfjs';
import { currentBackend } from '../../backend/useBackend.js';
import { dataHash, type DataSplits } from '../../data/dataSplits.js';

/** What a result depends on besides its settings. */
export interface Provenance {
  /** Of this package. */
  version: string;
  /** The commit of this package's checkout, if it is one. */
  gitSha?: string;
  /** Whether tracked files differed from that commit. */
  gitChanged?: boolean;
  /** Version of Node. */
  node: string;
  /** One line on what computes. */
  backend: string;
  data?: { name: string; splitHash: string; hash: string; shape?: readonly number[]; classNames?: string[] };
  /** Of the run: see `identityOf`. */
  identity?: string;
  /** ISO 8601, UTC. */
  date: string;
}

const root = resolve(import.meta.dirname, '..', '..', '..');

/** What a run that starts now depends on: code, machine and data. */
export async function provenance({ data }: { data?: DataSplits } = {}): Promise<Provenance> {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  return {
    version,
    ...(await commit()),
    node: process.versions.node,
    backend: currentBackend()?.description ?? tf.getBackend(),
    data: data && {
      name: data.name,
      splitHash: data.splitHash,
      hash: dataHash(data),
      shape: shapeOf(data.train),
      classNames: data.train.classNames,
    },
    date: new Date().toISOString(),
  };
}

async function commit(): Promise<Pick<Provenance, 'gitSha' | 'gitChanged'>> {
  const git = async (...args: string[]): Promise<string> =>
    (await promisify(execFile)('git', ['-C', root, ...args])).stdout.trim();
  try {
    // An installed package may lie in somebody else's repository, whose commit says nothing about this code.
    if ((await git('rev-parse', '--show-prefix')) !== '') return {};
    return {
      gitSha: await git('rev-parse', 'HEAD'),
      gitChanged: (await git('status', '--porcelain', '--untracked-files=no')) !== '',
    };
  } catch {
    return {};
  }
}
