import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { UserError } from '../../../errors.js';

const run = promisify(execFile);

/** Runs a command of Slurm without a shell, and returns its output. Throws a UserError with its error message. */
export async function slurmCommand(name: string, words: readonly string[]): Promise<string> {
  // The user's SPARSEBOOK_THREADS would be passed on to a job, and could contradict its --cpus-per-task.
  const env = { ...process.env, SPARSEBOOK_THREADS: undefined };
  try {
    return (await run(name, words, { env, maxBuffer: 2 ** 28 })).stdout;
  } catch (error) {
    const { code, stderr, message } = error as NodeJS.ErrnoException & { stderr?: string };
    if (code === 'ENOENT') {
      throw new UserError(
        `engine=slurm needs Slurm's commands, and there is no '${name}' here. Start the sweep on a machine of the cluster, ` +
          'or install them (Debian: apt install slurm-client, for a cluster of your own slurm-wlm); see docs/sweeps.md.',
      );
    }
    throw new UserError(`Slurm's ${name} failed: ${stderr?.trim().replaceAll('\n', ' ') || message}.`, {
      cause: error,
    });
  }
}

/** The seconds of a Slurm time limit: minutes, m:s, h:m:s, days-h, days-h:m, days-h:m:s; NaN for any other text. */
export function secondsOfLimit(text: string): number {
  if (/^(infinite|unlimited)$/i.test(text)) return Infinity;
  const [, days, time] = /^(?:(\d+)-)?(\d+(?::\d+){0,2})$/.exec(text) ?? [];
  if (time === undefined) return NaN;
  const numbers = time.split(':').map(Number);
  const [hours, minutes = 0, seconds = 0] = days !== undefined || numbers.length === 3 ? numbers : [0, ...numbers];
  return ((Number(days ?? 0) * 24 + hours) * 60 + minutes) * 60 + seconds;
}

/**
 * A partition of the cluster: the most seconds that a job may take, and the usual limit of a job that asks for none.
 */
export interface Partition {
  name: string;
  isDefault: boolean;
  most: number;
  usual: number;
}

/** The partitions that the user can see. Throws a UserError if Slurm does not answer. */
export async function partitions(): Promise<Partition[]> {
  const lines = (await slurmCommand('sinfo', ['--noheader', '--format=%P|%l|%L'])).split('\n').filter(Boolean);
  return lines.map((line) => {
    const [name, most, usual] = line.split('|');
    const limit = secondsOfLimit(most);
    const own = secondsOfLimit(usual);
    return {
      name: name.replace(/\*$/, ''),
      isDefault: name.endsWith('*'),
      most: limit,
      usual: Number.isNaN(own) ? limit : own,
    };
  });
}
