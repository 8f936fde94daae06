import { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { ChildProcess, type StdioOptions } from 'node:child_process';
import { UserError } from '../../../errors.js';
import type { Bundle } from '../../display/output.js';
import { tableResult } from '../../display/table.js';
import type { CellRun } from '../cellRun.js';
import { asText } from './failures.js';
import { replaceMethod } from './tslab.js';

type Written = (error?: Error | null) => void;

/** Sends text that is printed to the process's streams to the cell that prints it. */
export function captureOutput(printing: () => CellRun | undefined): void {
  for (const name of ['stdout', 'stderr'] as const) {
    const stream = process[name];
    const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
    const decoder = new StringDecoder();
    stream.write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
      const run = printing();
      if (!run) return write(chunk, ...rest);
      run.write(name, typeof chunk === 'string' ? chunk : decoder.write(Buffer.from(chunk)));
      const written = rest.find((argument): argument is Written => typeof argument === 'function');
      if (written) process.nextTick(written);
      return true;
    };
  }
}

/** Makes standard input end at once, and makes the cell that reads it fail, because no frontend can send input. */
export function refuseInput(reading: () => CellRun | undefined): void {
  const ending = (): Readable =>
    new Readable({
      read() {
        this.push(null);
        const rule = 'a cell cannot read standard input: no frontend can send it';
        reading()?.stop(
          new UserError(`${rule}. Put the value into a variable of the notebook, or read it from a file`),
        );
      },
    });
  let stream: Readable | undefined;
  Object.defineProperty(process, 'stdin', {
    configurable: true,
    enumerable: true,
    // A stream that has ended does not end again for the next reader.
    get: () => (stream = !stream || stream.readableEnded || stream.destroyed ? ending() : stream),
  });
}

/** The forms in which the value of a cell's last expression is shown. */
export const bundleOf = (value: unknown): Bundle =>
  isFrame(value) ? frameBundle(value) : { 'text/plain': asText(value) };

/** The part of a danfojs DataFrame or Series that a table shows. */
interface Frame {
  columns: string[];
  index: (string | number)[];
  values: unknown[];
  shape: number[];
  print(): void;
  toString(): string;
}

function isFrame(value: unknown): value is Frame {
  const { columns, index, values, shape, print } = (value ?? {}) as Partial<Frame>;
  return [columns, index, values, shape].every(Array.isArray) && typeof print === 'function';
}

function frameBundle(frame: Frame): Bundle {
  const { columns, index, values } = frame;
  const table = { columns: ['', ...columns], values: index.map((label, i) => [label, values[i]].flat()) };
  return { ...tableResult(table), 'text/plain': frame.toString() };
}

type Name = 'stdout' | 'stderr';
const DESCRIPTORS: [Name, number][] = [
  ['stdout', 1],
  ['stderr', 2],
];

type Spawning = ChildProcess & { spawn(options: { stdio?: StdioOptions }): unknown };

/**
 * Node's internal function that starts a program and waits for it; all synchronous functions of child_process use it.
 */
interface SyncBinding {
  spawn(options: SyncOptions): { output: (Uint8Array | null)[] | null };
}
interface SyncOptions {
  stdio: { type: string; fd?: number; readable?: boolean; writable?: boolean }[];
  maxBuffer?: number;
}

/**
 * Makes programs that cells start with the kernel's own output streams print into the cell, because Jupyter does not
 * show the output of the kernel's process. A program that is started synchronously shows its output when it ends.
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
