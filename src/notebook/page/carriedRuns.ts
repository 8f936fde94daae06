import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { RunRecord } from '../../experiments/run/record.js';
import { isObject } from '../../formats/json.js';
import { checkpointFiles, checkpointName } from '../../training/checkpoint/checkpoint.js';
import { runsFolder } from '../../training/log/listRuns.js';
import { runFiles } from '../../training/log/readRun.js';
import { type Clean, machinePathRemover } from '../run/machinePaths.js';
import { isExecuted, type Notebook } from '../run/notebook.js';
import { runsIn } from './runsIn.js';

/** The most bytes that the weights of all runs may take together: a page should stay below 8 MB. */
const WEIGHTS = 2e6;

/** A run's settings, log and record, and the descriptions of its checkpoints. */
const textFiles = /^([\w-]+\.jsonl?|checkpoints[\\/][\w-]+[\\/](SHA256SUMS|checkpoint\.json))$/;

type File = [path: string, bytes: Uint8Array];

/** The runs that a page contains: their files by path in the page, and the names of runs that are missing. */
export interface CarriedRuns {
  files: Map<string, Uint8Array>;
  missing: string[];
}

/**
 * Collects the finished runs that the outputs of a notebook in `folder` name and that are in data/runs here. A run's
 * weights are included if they still fit.
 */
export function carriedRuns({ cells }: Notebook, folder: string): CarriedRuns {
  const clean = machinePathRemover(folder);
  const outputs = cells.filter(isExecuted).flatMap((cell) => cell.outputs);
  // A file may have anything in place of outputs.
  const told = outputs.flatMap((output: unknown) => (isObject(output) ? runsIn(output.metadata) : []));
  const named = new Map(told.filter(({ id }) => /^[\w-]+$/.test(id)).map(({ id, name }) => [id, name]));
  const isHere = (id: string): boolean => existsSync(join(runsFolder(), id, 'record.json'));
  let left = WEIGHTS;
  const files = [...named.keys()].filter(isHere).flatMap((id) => {
    const run = join(runsFolder(), id);
    const weights = weightsOf(run);
    const size = weights.reduce((sum, [, bytes]) => sum + bytes.length, 0);
    const fits = size <= left;
    if (fits) left -= size;
    const own = [...textFilesOf(run, clean), ...(fits ? weights : [])];
    return own.map(([path, bytes]): File => [`data/runs/${id}/${path}`, bytes]);
  });
  const missing = [...named].filter(([id]) => !isHere(id)).map(([, name]) => name);
  return { files: new Map(files), missing: [...new Set(missing)] };
}

function textFilesOf(run: string, clean: Clean): File[] {
  const names = (readdirSync(run, { recursive: true }) as string[]).filter((name) => textFiles.test(name));
  const read = (name: string): string => clean(readFileSync(join(run, name), 'utf8'));
  return names.map((name) => {
    const description = join(dirname(name), checkpointFiles.description);
    const text = basename(name) === checkpointFiles.sums ? sumsFor(read(description), read(name)) : read(name);
    return [name.replaceAll('\\', '/'), Buffer.from(text)];
  });
}

/** A checkpoint's SHA-256 sums, with the sum of the description as the page contains it. */
function sumsFor(description: string, sums: string): string {
  const sum = createHash('sha256').update(description).digest('hex');
  const lines = sums.split('\n');
  return lines.map((line) => (line.endsWith(checkpointFiles.description) ? sum + line.slice(64) : line)).join('\n');
}

/** The weights that a run was measured with and the state saved with them, as far as their files exist. */
function weightsOf(run: string): File[] {
  const { selected } = JSON.parse(readFileSync(join(run, 'record.json'), 'utf8')) as RunRecord;
  const folder = `${runFiles.checkpoints}/${checkpointName(selected.step)}`;
  const names = [checkpointFiles.weights, checkpointFiles.state].map((name) => `${folder}/${name}`);
  return names.filter((name) => existsSync(join(run, name))).map((name) => [name, readFileSync(join(run, name))]);
}
