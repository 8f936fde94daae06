import { constants } from 'node:fs';
import { access, mkdir, open, readdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { UserError } from '../errors.js';
import type { CompactSettings } from './compactSettings.js';

type Output = Pick<CompactSettings, 'format'> & { output: string };

/**
 * Makes ready for what will be written in the end: makes the folder that `output` lies in. Throws a UserError where that
 * cannot be written, and where something of another kind is there, which nobody asked to replace.
 */
export async function prepareOutput({ output, format }: Output): Promise<void> {
  const path = resolve(output);
  try {
    await mkdir(dirname(path), { recursive: true });
    await access(dirname(path), constants.W_OK);
  } catch (error) {
    throw new UserError(`${output} cannot be written: ${(error as Error).message}. Choose a folder that can.`, {
      cause: error,
    });
  }
  const there = await stat(path).catch(() => undefined);
  if (there && !(await isOf(format, path, there.isDirectory()))) {
    throw new UserError(
      `${output} is there already and is none of the format ${format}: it is not replaced. Choose another name.`,
    );
  }
}

/** Whether what lies at a path could be an earlier output: an empty folder or one with a network, or a file that begins like one. */
async function isOf(format: CompactSettings['format'], path: string, isFolder: boolean): Promise<boolean> {
  if (format === 'tfjs') {
    const files = isFolder ? await readdir(path) : ['a file'];
    return files.length === 0 || files.includes('model.json');
  }
  if (isFolder) return false;
  const head = await headOf(path);
  // An ONNX file's first field is its version; a safetensors file has eight bytes of length before its JSON.
  return head.length === 0 || (format === 'onnx' ? head[0] === 0x08 : head[8] === 0x7b);
}

async function headOf(path: string): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(9), 0, 9, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
