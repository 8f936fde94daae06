// Files in memory, for a page: the functions of node:fs that the library calls, with Node's results and errors.
import { Buffer } from 'buffer';
import path from 'path-browserify';

/** The folder that relative paths start from. */
export const home = '/sparsebook';

/** A file, which consists of the first `size` bytes of `content`, or a folder, which has no content. */
interface Entry {
  content?: Uint8Array;
  size: number;
  mtimeMs: number;
}

const folder = (): Entry => ({ size: 0, mtimeMs: Date.now() });
const entries = new Map([['/', folder()]]);
const full = (name: string): string => path.resolve(home, name);

const meanings = {
  EBADF: 'the file is closed, or was not opened for this',
  EEXIST: 'there is a file or folder of this name',
  EINVAL: 'a folder cannot lie in itself',
  EISDIR: 'a folder is not a file',
  ENOENT: 'no such file or folder',
  ENOTDIR: 'not a folder',
  ENOTEMPTY: 'the folder is not empty',
  ERR_FS_EISDIR: 'a folder is deleted only if `recursive` is set',
};

function failure(code: keyof typeof meanings, name: string): Error {
  return Object.assign(new Error(`${code}: ${meanings[code]}, '${name}'`), { code, path: name });
}

function entryAt(name: string): Entry {
  const entry = entries.get(full(name));
  if (!entry) throw failure('ENOENT', name);
  return entry;
}

function fileAt(name: string): Required<Entry> {
  const entry = entryAt(name);
  if (!entry.content) throw failure('EISDIR', name);
  return entry as Required<Entry>;
}

/** Puts an entry at a path, whose folder must exist. */
function put(name: string, entry: Entry): void {
  if (entryAt(path.dirname(full(name))).content) throw failure('ENOTDIR', name);
  entries.set(full(name), entry);
}

/** The paths below a folder, however deep. */
const below = (name: string): string[] => {
  const start = full(name) === '/' ? '/' : `${full(name)}/`;
  return [...entries.keys()].filter((key) => key.startsWith(start) && key !== '/');
};

const bytesOf = (data: string | Uint8Array): Uint8Array => (typeof data === 'string' ? Buffer.from(data) : data);

/** Writes bytes into a file. The file grows by at least half its size, so that a log is not copied at every line. */
function writeAt(file: Entry, bytes: Uint8Array, at: number): void {
  const end = at + bytes.length;
  if (end > file.content!.length) {
    const content = new Uint8Array(at === 0 ? end : Math.max(end, file.size * 1.5));
    content.set(file.content!.subarray(0, file.size));
    file.content = content;
  }
  file.content!.set(bytes, at);
  file.size = Math.max(file.size, end);
  file.mtimeMs = Date.now();
}

function statsOf({ content, size, mtimeMs }: Entry) {
  const mtime = new Date(mtimeMs);
  return {
    size,
    mtimeMs,
    mtime,
    mode: 0o666,
    isFile: () => content !== undefined,
    isDirectory: () => content === undefined,
  };
}

function cut(file: Entry, size: number): void {
  file.content!.fill(0, Math.min(size, file.size), file.size);
  if (size > file.size) writeAt(file, new Uint8Array(size - file.size), file.size);
  file.size = size;
}

/** Makes a synchronous call asynchronous, as in node:fs/promises: the promise rejects with what the call throws. */
export const promised =
  <T extends (...args: never[]) => unknown>(call: T) =>
  (...args: Parameters<T>): Promise<ReturnType<T>> =>
    new Promise((resolve) => resolve(call(...args) as ReturnType<T>));

/** An open file; a folder can be opened too, to sync it. */
function handleOf(name: string, entry: Entry, flag: string) {
  let at = 0;
  let closed = false;
  /** The file; throws if it is closed, or is to be written but was opened only for reading. */
  const file = (writes: boolean): Required<Entry> => {
    if (!entry.content) throw failure('EISDIR', name);
    if (closed || (writes && flag === 'r')) throw failure('EBADF', name);
    return entry as Required<Entry>;
  };
  const read = (buffer: Uint8Array, offset = 0, length = buffer.length - offset, position: number | null = null) => {
    const { content, size } = file(false);
    const start = position ?? at;
    const bytes = content.subarray(start, Math.min(size, start + length));
    buffer.set(bytes, offset);
    if (position === null) at += bytes.length;
    return { bytesRead: bytes.length, buffer };
  };
  const write = (data: string | Uint8Array, offset = 0, length?: number, position: number | null = null) => {
    const { size } = file(true);
    const bytes = bytesOf(data).subarray(offset, length === undefined ? undefined : offset + length);
    const start = flag.startsWith('a') ? size : (position ?? at);
    writeAt(entry, bytes, start);
    if (position === null) at = start + bytes.length;
    return { bytesWritten: bytes.length, buffer: data };
  };
  return {
    read: promised(read),
    write: promised(write),
    appendFile: promised((data: string | Uint8Array) => void write(data)),
    truncate: promised((size = 0) => cut(file(true), size)),
    stat: promised(() => statsOf(entry)),
    sync: promised(() => undefined),
    close: promised(() => void (closed = true)),
  };
}

export const existsSync = (name: string): boolean => entries.has(full(name));
export const statSync = (name: string) => statsOf(entryAt(name));

export function realpathSync(name: string): string {
  entryAt(name);
  return full(name);
}

export function readFileSync(name: string, options?: BufferEncoding | { encoding: BufferEncoding }): Buffer | string {
  const { content, size } = fileAt(name);
  const encoding = typeof options === 'object' ? options.encoding : options;
  const bytes = Buffer.from(content.subarray(0, size));
  return encoding ? bytes.toString(encoding) : bytes;
}

export function writeFileSync(name: string, data: string | Uint8Array, { flag = 'w' } = {}): void {
  const file = opened(name, flag);
  writeAt(file, bytesOf(data), flag.startsWith('a') ? file.size : 0);
}

export function truncateSync(name: string, size = 0): void {
  cut(fileAt(name), size);
}

export function mkdirSync(name: string, { recursive = false } = {}): void {
  const there = entries.get(full(name));
  if (there && (there.content || !recursive)) throw failure('EEXIST', name);
  if (there) return;
  if (recursive && !existsSync(path.dirname(full(name)))) mkdirSync(path.dirname(full(name)), { recursive });
  put(name, folder());
}

export function readdirSync(name: string, { withFileTypes = false } = {}) {
  if (entryAt(name).content) throw failure('ENOTDIR', name);
  const paths = below(name).filter((key) => path.dirname(key) === full(name));
  const names = paths.map((key) => path.basename(key)).sort();
  if (!withFileTypes) return names;
  return names.map((each) => ({ name: each, parentPath: name, ...statSync(path.join(name, each)) }));
}

export function rmSync(name: string, { recursive = false, force = false } = {}): void {
  if (force && !existsSync(name)) return;
  if (!entryAt(name).content && !recursive) throw failure('ERR_FS_EISDIR', name);
  for (const key of [full(name), ...below(name)]) entries.delete(key);
}

export function rmdirSync(name: string): void {
  if (entryAt(name).content) throw failure('ENOTDIR', name);
  if (below(name).length > 0) throw failure('ENOTEMPTY', name);
  entries.delete(full(name));
}

export function renameSync(from: string, to: string): void {
  const [entry, there] = [entryAt(from), entries.get(full(to))];
  if (entry === there) return;
  const [start, end] = [full(from), full(to)];
  if (end.startsWith(`${start}/`)) throw failure('EINVAL', to);
  if (there && entry.content && !there.content) throw failure('EISDIR', to);
  if (there && there.content && !entry.content) throw failure('ENOTDIR', to);
  if (below(to).length > 0) throw failure('ENOTEMPTY', to);
  put(to, entry);
  for (const key of below(start)) {
    entries.set(end + key.slice(start.length), entries.get(key)!);
    entries.delete(key);
  }
  entries.delete(start);
}

export function linkSync(from: string, to: string): void {
  if (existsSync(to)) throw failure('EEXIST', to);
  put(to, fileAt(from));
}

/** Returns the file or folder that `open` opens with this flag, creating or emptying it as the flag says. */
function opened(name: string, flag: string): Entry {
  const there = entries.get(full(name));
  if (there && flag.includes('x')) throw failure('EEXIST', name);
  if (flag.startsWith('r')) return entryAt(name);
  if (there && !there.content) throw failure('EISDIR', name);
  const file = there ?? { content: new Uint8Array(0), size: 0, mtimeMs: Date.now() };
  if (!there) put(name, file);
  else if (flag.startsWith('w')) cut(file, 0);
  return file;
}

/** `open` of node:fs/promises. */
export const open = promised((name: string, flag = 'r') => handleOf(name, opened(name, flag), flag));

mkdirSync(home, { recursive: true });
