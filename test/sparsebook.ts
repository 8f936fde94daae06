import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Starts `sparsebook ...`; `ended` resolves when the process has ended. */
export function sparsebook(
  words: string[],
  env: Record<string, string> = {},
): { child: ChildProcess; ended: Promise<Ended> } {
  const cli = join(import.meta.dirname, '..', 'dist', 'cli.js');
  const child = spawn(process.execPath, [cli, ...words], { env: { ...process.env, ...env } });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<Ended>((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
  return { child, ended };
}

/** A run of the L0 experiment that takes a second: 32 synthetic images, a tenth of the width. */
export const tiny = [
  'preset=quick',
  'data=synthetic',
  'sizes.train=32',
  'sizes.validation=32',
  'sizes.test=32',
  'width=0.1',
  'batch_size=16',
  'epochs=2',
  'backend=simd',
  'threads=1',
];
