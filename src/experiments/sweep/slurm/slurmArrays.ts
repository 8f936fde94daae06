import { UserError } from '../../../errors.js';
import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { jsonFile, newFile, writeFileWhole } from '../../../platform/writeFile.js';
import type { SweepPoint } from '../points.js';
import type { Sweep } from '../sweep.js';

/** A job array of a sweep: its task number n trains the n-th of these points, counted from 0. */
export interface JobArray {
  points: string[];
  /** Slurm's number of the job array, once it has one. */
  job?: string;
}

/** The exit code of a task that does not find the sweep's folder; neither sh nor Node exits with it by itself. */
export const NO_FOLDER = 66;

/** The folder of a sweep's job arrays. */
export const arraysFolder = (sweep: Sweep): string => join(sweep.dir, 'slurm');

/** The file to which Slurm writes a task's output. */
export const logFile = ({ dir }: Pick<Sweep, 'dir'>, task: string): string => join(dir, 'log', `slurm-${task}.log`);

/** Reads the file of a job array. */
export async function readArray(file: string): Promise<JobArray> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as JobArray;
  } catch (error) {
    throw new UserError(`${file} cannot be read: ${(error as Error).message}. Delete it, and ask for the sweep again.`);
  }
}

/** Writes the file of a job array. */
export const writeArray = (file: string, array: JobArray): Promise<void> =>
  writeFileWhole(file, `${JSON.stringify(array)}\n`, jsonFile);

/** The job arrays that a sweep was handed over as, by their files, oldest first. */
export async function readArrays(sweep: Sweep): Promise<Map<string, JobArray>> {
  const dir = arraysFolder(sweep);
  const names = (await readdir(dir).catch(() => [])).filter((name) => /^\d+-\w+\.json$/.test(name)).sort();
  const files = names.map((name) => join(dir, name));
  return new Map(await Promise.all(files.map(async (file) => [file, await readArray(file)] as const)));
}

/** Slurm's usual MaxArraySize, which counts from 0. */
const LARGEST = 1000;

/**
 * Groups points into arrays in the order in which they are handed over; the points of an array all start from the same
 * point, or from none.
 */
export function groupsOf(points: readonly SweepPoint[]): SweepPoint[][] {
  const byStart = new Map<string | undefined, SweepPoint[]>();
  for (const point of points) byStart.set(point.start, [...(byStart.get(point.start) ?? []), point]);
  return [...byStart.values()].flatMap((all) =>
    Array.from({ length: Math.ceil(all.length / LARGEST) }, (_, i) => all.slice(i * LARGEST, (i + 1) * LARGEST)),
  );
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/**
 * Writes the files of a new job array: its points, and the script that each of its tasks runs. The files' name occurs
 * in no other folder: a task that finds it sees this very folder, and not a local one of its machine.
 */
export async function newArray(
  sweep: Sweep,
  points: readonly SweepPoint[],
  number: number,
): Promise<{ file: string; script: string }> {
  const base = join(arraysFolder(sweep), `${String(number).padStart(5, '0')}-${randomBytes(4).toString('hex')}`);
  const [file, script] = [`${base}.json`, `${base}.sh`];
  const cli = join(import.meta.dirname, '..', '..', '..', 'cli.js');
  const words = [process.execPath, cli, 'sweep', 'point', sweep.dir, '--of', file].map(quoted).join(' ');
  const lines = [
    '#!/bin/sh',
    `# A job array of the sweep ${sweep.name}: each task trains one point of ${JSON.stringify(base)}.json.`,
    `if [ ! -e ${quoted(file)} ]; then`,
    `  echo "The sweep's folder on $(hostname) is not the one that the sweep was started in: it must be shared." >&2`,
    `  exit ${NO_FOLDER}`,
    'fi',
    // Slurm's signals reach the process of the script, which exec turns into Node.
    `exec ${words}`,
  ];
  await writeArray(file, { points: points.map(({ id }) => id) });
  await writeFileWhole(script, `${lines.join('\n')}\n`, newFile);
  return { file, script };
}
