import { slurmCommand } from './slurmCommand.js';
import { logFile, NO_FOLDER, readArrays } from './slurmArrays.js';
import type { Sweep } from '../sweep.js';

/** A task of a job array, as Slurm knows it. */
export interface Task {
  /** JOB_NUMBER. */
  id: string;
  state: string;
  /** Why it waits or failed, in Slurm's word. */
  reason: string;
  node: string;
  /** CODE:SIGNAL, if it is known. */
  exit?: string;
  /** When it was first seen to be over, by this process's clock. */
  seen?: number;
}

/** Whether a task is in a state that it leaves again. */
const isOpen = ({ state }: Task): boolean =>
  ['PENDING', 'CONFIGURING', 'RUNNING', 'SUSPENDED', 'STOPPED', 'RESIZING', 'SIGNALING', 'STAGE_OUT'].includes(state) ||
  state.startsWith('REQUEUE') ||
  state === 'SPECIAL_EXIT';

/** Reasons to wait that do not go away by themselves. */
const hopeless =
  /^(DependencyNeverSatisfied|BadConstraints|PartitionTimeLimit|InvalidAccount|InvalidQOS|JobHeldAdmin|launch.failed.*)$/;

/** Whether a task waits forever. */
export const waitsInVain = ({ state, reason }: Task): boolean => state === 'PENDING' && hopeless.test(reason);

/** Whether a task runs, or will. */
export const isLive = (task: Task): boolean => isOpen(task) && !waitsInVain(task);

/** Whether a task is over for good. A COMPLETING task is not: it may be on its way back to the queue. */
const isOver = (task: Task): boolean => !isOpen(task) && task.state !== 'COMPLETING';

/** The tasks that squeue still lists, with the number and the comment of their arrays. */
async function queued(): Promise<(Task & { job: string; comment: string })[]> {
  const words = ['--me', '--noheader', '--array', '--states=all', '--format=%F|%K|%T|%r|%N|%k'];
  const lines = (await slurmCommand('squeue', words)).split('\n').filter(Boolean);
  return lines.map((line) => {
    const [job, number, state, reason, node, ...comment] = line.split('|');
    return { id: `${job}_${number}`, job, state, reason, node, comment: comment.join('|') };
  });
}

/** The tasks that only Slurm's accounting lists, if it keeps any. */
async function accounted(jobs: readonly string[]): Promise<Task[]> {
  const words = ['--noheader', '--allocations', '--parsable2', '--format=JobID,State,ExitCode,NodeList'];
  const text = await slurmCommand('sacct', [...words, `--jobs=${jobs.join(',')}`]).catch(() => '');
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [id, state, exit, node] = line.split('|');
      return { id, state: state.split(' ')[0], reason: '', node, exit };
    });
}

/** Finds out what became of a sweep's job arrays. */
export class SlurmTasks {
  /** The tasks that are over: Slurm itself forgets them after some minutes. */
  private readonly over = new Map<string, Task>();

  /**
   * The task that each point was last handed over as, by the points' ids. Throws a UserError if Slurm does not answer.
   */
  async of(sweep: Sweep): Promise<Map<string, Task>> {
    const arrays = await readArrays(sweep);
    if (arrays.size === 0) return new Map();
    const all = await queued();
    const known = new Map<string, Task>(all.map((task) => [task.id, task]));
    const byComment = new Map(all.map(({ comment, job }) => [comment, job]));
    const ids = new Map<string, string>();
    for (const [file, { points, job = byComment.get(file) }] of arrays) {
      // An array without a number was never submitted: its writer ended before.
      if (job !== undefined) points.forEach((point, i) => ids.set(point, `${job}_${i}`));
    }
    const forgotten = [...ids.values()].filter((id) => !known.has(id) && !this.over.has(id));
    if (forgotten.length > 0) {
      const kept = new Map((await accounted([...new Set(forgotten.map(jobOf))])).map((task) => [task.id, task]));
      const seen = performance.now();
      for (const id of forgotten) {
        this.over.set(id, { ...(kept.get(id) ?? { id, state: 'FORGOTTEN', reason: '', node: '' }), seen });
      }
    }
    for (const id of ids.values()) {
      const task = known.get(id);
      if (!task) continue;
      const { exit, seen = performance.now() } = this.over.get(id) ?? {};
      if (!isOver(task)) this.over.delete(id);
      else this.over.set(id, { ...task, exit: exit ?? (await exitOf(task)), seen });
    }
    return new Map([...ids].map(([point, id]) => [point, this.over.get(id) ?? known.get(id)!]));
  }
}

const jobOf = (id: string): string => id.split('_')[0];

/** How a failed task ended, which squeue does not say. */
async function exitOf({ id, state }: Task): Promise<string | undefined> {
  if (state !== 'FAILED') return undefined;
  const text = await slurmCommand('scontrol', ['show', 'job', id, '--oneliner']).catch(() => '');
  return /\bExitCode=(\S+)/.exec(text)?.[1];
}

function failedHow({ reason, node, exit = '?' }: Task): string {
  if (exit === `${NO_FOLDER}:0`) {
    return `the sweep's folder on ${node} is not the one it was started in: it must be shared by all machines`;
  }
  if (reason === 'JobLaunchFailure' || exit === '0:53') {
    return `${node} could not start it: the folder for its log must be there and writable on all machines`;
  }
  const [code, signal] = exit.split(':');
  const how = Number(signal) > 0 ? `was ended by signal ${signal}` : `exited with code ${code}`;
  return `its process on ${node} ${how}`;
}

const endings: Record<string, string> = {
  TIMEOUT: 'its time limit ended before it had saved: give slurm.time=',
  DEADLINE: 'its deadline came before its end',
  OUT_OF_MEMORY: 'it needed more memory than it was given: slurm.mem=',
  NODE_FAIL: 'its node failed',
  BOOT_FAIL: 'its node did not start',
  PREEMPTED: 'other jobs took its place',
  CANCELLED: 'its job was cancelled',
  COMPLETED: 'its job ended without a result',
  FORGOTTEN: 'Slurm no longer knows its job, which left no result',
};

/** How long another machine may take to see a task's last writes. */
const SHARED_MS = 60_000;

/** Why a task will not train its point, if nothing else is known of the point; undefined if it still may. */
export function reasonOf(sweep: Sweep, task: Task): string | undefined {
  const { id, state, reason, seen = 0 } = task;
  if (isLive(task) || state === 'COMPLETING') return undefined;
  if (state === 'COMPLETED' && performance.now() - seen < SHARED_MS) return undefined;
  if (reason === 'DependencyNeverSatisfied') return 'what it starts from was not finished';
  const why = waitsInVain(task)
    ? `it waits in vain (${reason})`
    : state === 'FAILED'
      ? failedHow(task)
      : (endings[state] ?? `its job ended as ${state}`);
  return `Slurm job ${id}: ${why}. Log: ${logFile(sweep, id)}`;
}
