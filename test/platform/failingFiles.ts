// The real file system with faults, for tests of code that writes files.
import * as nodeFiles from 'node:fs/promises';
import type { FileSystem } from 'sparsebook/platform/fileSystem.js';

const injected = (code: string, what: string): Error =>
  Object.assign(new Error(`${code}: injected, ${what}`), { code });

type Call = (...given: unknown[]) => Promise<unknown>;

/** Passes every call on a file handle to `call`, with its name, its arguments and a function that makes it. */
function watched(
  handle: nodeFiles.FileHandle,
  call: (name: string, given: unknown[], make: Call) => Promise<unknown>,
): nodeFiles.FileHandle {
  return new Proxy(handle, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...given: unknown[]) => call(String(name), given, (value as Call).bind(target));
    },
  });
}

/**
 * Files whose n-th call fails with a code; a failing write first writes a part of the bytes. `calls` names the calls
 * made; closing, reading and deleting do not count.
 */
export function failingAt(n: number, code: string): { files: FileSystem; calls: string[] } {
  const calls: string[] = [];
  const perhaps = (what: string): void => {
    calls.push(what);
    if (calls.length === n + 1) throw injected(code, what);
  };
  const counted =
    (name: 'mkdir' | 'rename', make: Call): Call =>
    async (...given) => {
      perhaps(name);
      return make(...given);
    };
  const files = {
    ...nodeFiles,
    mkdir: counted('mkdir', nodeFiles.mkdir as Call),
    rename: counted('rename', nodeFiles.rename as Call),
    open: async (path: string, flags: string, mode?: number) => {
      perhaps('open');
      return watched(await nodeFiles.open(path, flags, mode), async (name, given, make) => {
        if (name === 'close') return make();
        if (name === 'write' && calls.length === n) await make((given[0] as Uint8Array).subarray(0, 20));
        perhaps(name);
        return make(...given);
      });
    },
  } as unknown as FileSystem;
  return { files, calls };
}

type Write = (bytes: Uint8Array, offset: number, length: number, make: Call) => Promise<unknown>;

/** Files whose writes go through `write`. */
const writtenBy = (write: Write): FileSystem =>
  ({
    ...nodeFiles,
    open: async (path: string, flags: string, mode?: number) =>
      watched(await nodeFiles.open(path, flags, mode), async (name, given, make) =>
        name === 'write' ? write(...(given as [Uint8Array, number, number]), make) : make(...given),
      ),
  }) as unknown as FileSystem;

/** Files on a disk with `room` bytes: the write that exceeds it is short, and the next one fails with a code. */
export function fullAfter(room: number, code = 'ENOSPC'): FileSystem {
  let left = room;
  return writtenBy(async (bytes, offset, length, make) => {
    if (left === 0) throw injected(code, 'write');
    const taken = Math.min(left, length);
    left -= taken;
    return make(bytes, offset, taken);
  });
}

/** Files that claim to have written everything, but keep only the first `kept` bytes of each write. */
export const forgetful = (kept: number): FileSystem =>
  writtenBy(async (bytes, offset, length, make) => {
    await make(bytes, offset, Math.min(kept, length));
    return { bytesWritten: length };
  });
