import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { Header } from 'tar';
import type { Archive } from 'sparsebook/data/cifar10.js';
import { cifar10Folder } from 'sparsebook/data/cifar10.js';
import { records, smallFiles } from './smallCifar10.ts';

/** An entry to write to a tar file, valid or not. */
export interface TarEntry {
  path: string;
  type?: 'File' | 'Directory' | 'SymbolicLink' | 'Link' | 'CharacterDevice';
  linkpath?: string;
  content?: Buffer;
}

/** The bytes of a .tar.gz with exactly these entries; unlike a packing library it writes hostile paths too. */
export function tarGz(entries: TarEntry[]): Buffer {
  const blocks = entries.flatMap(({ path, type = 'File', linkpath, content = Buffer.alloc(0) }) => {
    const header = Buffer.alloc(512);
    new Header({ path, type, linkpath, size: content.length, mode: 0o644, mtime: new Date(0) }).encode(header);
    return [header, content, Buffer.alloc((512 - (content.length % 512)) % 512)];
  });
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]));
}

/** The entries of a small but complete archive of CIFAR-10. */
export function smallEntries(): TarEntry[] {
  return [
    { path: `${cifar10Folder}/`, type: 'Directory' },
    ...Object.entries(smallFiles()).map(([name, content]) => ({ path: `${cifar10Folder}/${name}`, content })),
    { path: `${cifar10Folder}/readme.html`, content: Buffer.from('<p>about</p>') },
  ];
}

/** The size and checksums by which an archive with these bytes is recognised. */
export function archiveOf(bytes: Buffer, url: string): Archive {
  const [sha256, md5] = ['sha256', 'md5'].map((name) => createHash(name).update(bytes).digest('hex'));
  return { url, bytes: bytes.length, sha256, md5, recordsPerFile: records };
}
