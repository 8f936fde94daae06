import { ChildProcess, type StdioOptions } from 'node:child_process';
import type { Readable } from 'node:stream';
import { replaceMethod } from './tslab.js';

type Name = 'stdout' | 'stderr';
const DESCRIPTORS: [Name, number][] = [
  ['stdout', 1],
  ['stderr', 2],
];

type Spawning = ChildProcess & { spawn(options: { stdio?: StdioOptions }): unknown };

/** What starts a program that is waited for, below all that Node's module offers for that. */
interface SyncBinding {
  spawn(options: SyncOptions): { output: (Uint8Array | null)[] | null };
}
interface SyncOptions {
  stdio: { type: string; fd?: number; readable?: boolean; writable?: boolean }[];
  maxBuffer?: number;
}

/**
 * Has programs that cells start with the kernel's own output print into the cell: Jupyter does not show what comes
 * out of the kernel's process. One that is waited for without `await` shows its output at its end.
 */
export function captureChildren(): void {
  replaceMethod(ChildProcess.prototype as Spawning, 'spawn', (self, spawn, options) => {
    const { stdio } = options;
    const given: unknown[] = Array.isArray(stdio) ? [...(stdio as unknown[])] : [stdio, stdio, stdio];
    const own = DESCRIPTORS.filter(([name, i]) => ['inherit', i, process[name]].includes(given[i] as string));
    for (const [, i] of own) given[i] = 'pipe';
    const started = spawn(own.length === 0 ? options : { ...options, stdio: given as StdioOptions });
    for (const [name] of own) {
      self[name]?.on('data', (chunk: Uint8Array) => process[name].write(chunk));
      (self as Record<Name, Readable | null>)[name] = null;
    }
    return started;
  });

  const { binding } = process as unknown as { binding: (name: string) => SyncBinding };
  replaceMethod(binding('spawn_sync'), 'spawn', (_self, spawnSync, options) => {
    const stdio = [...options.stdio];
    const own = DESCRIPTORS.filter(([, i]) => ['inherit', 'fd'].includes(stdio[i].type) && stdio[i].fd === i);
    if (own.length === 0) return spawnSync(options);
    for (const [, i] of own) stdio[i] = { type: 'pipe', readable: false, writable: true };
    const result = spawnSync({ ...options, stdio, maxBuffer: Infinity });
    for (const [name, i] of own) {
      const text = result.output?.[i];
      if (text?.length) process[name].write(text);
      if (result.output) result.output[i] = null;
    }
    return result;
  });
}
