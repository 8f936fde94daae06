import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { uniform } from 'sparsebook/backend/random.js';
import {
  type Archive,
  cifar10ClassNames,
  officialArchive,
  recordBytes,
  testFile,
  trainingFiles,
} from 'sparsebook/data/cifar10.js';

export const records = 20;
/** The official archive's rules, for files of only 20 records. */
export const smallArchive: Archive = { ...officialArchive, recordsPerFile: records };

/** The content of a small CIFAR-10: every file has 20 records of noise with labels 0..9 in turn. */
export function smallFiles(): Record<string, Buffer> {
  const files: Record<string, Buffer> = { 'batches.meta.txt': Buffer.from(cifar10ClassNames.join('\n') + '\n\n') };
  for (const [k, file] of [...trainingFiles, testFile].entries()) {
    files[file] = Buffer.from(
      Uint8Array.from({ length: records * recordBytes }, (_, i) =>
        i % recordBytes === 0 ? (i / recordBytes) % 10 : 256 * uniform(k, i),
      ),
    );
  }
  return files;
}

/** Writes the files, changed by `change`, to a new folder and returns its path. */
export function smallFolder(change: (files: Record<string, Buffer>) => void = () => undefined): string {
  const folder = mkdtempSync(join(tmpdir(), 'sparsebook-cifar10-'));
  const files = smallFiles();
  change(files);
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
  return folder;
}
