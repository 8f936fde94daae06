import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { jsonFile, writeFileWhole } from '../platform/writeFile.js';
import type { ResultRow } from './resultRow.js';

const file = 'result.json';

/** Keeps what a finished run came to in its folder. Throws a UserError that names the file if that cannot be written. */
export async function saveResult(dir: string, result: ResultRow): Promise<void> {
  await writeFileWhole(join(dir, file), `${JSON.stringify(result, null, 2)}\n`, jsonFile);
}

/** What a run came to; undefined where it has not come to its end. */
export async function readResult(dir: string): Promise<ResultRow | undefined> {
  try {
    return JSON.parse(await readFile(join(dir, file), 'utf8')) as ResultRow;
  } catch {
    return undefined;
  }
}
