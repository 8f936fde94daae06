import { hostname } from 'node:os';
import { progressOf } from '../../../training/log/readRun.js';
import { useBackend } from '../../../backend/useBackend.js';
import { UserError } from '../../../errors.js';
import { experimentOf } from '../estimate.js';
import { runPoint } from '../runPoint.js';
import { readArray } from './slurmArrays.js';
import { slurmCommand } from './slurmCommand.js';
import { Sweep, type PointState } from '../sweep.js';

/** How often a job is put back into the queue without progress of its run; after that, its time limit is too short. */
const RESTARTS = 3;

/** This process's own task, JOB_NUMBER. Throws a UserError outside of a job array. */
function taskHere(): { id: string; number: number; restarts: number } {
  const { SLURM_ARRAY_JOB_ID: job, SLURM_ARRAY_TASK_ID: number, SLURM_RESTART_COUNT: restarts = '0' } = process.env;
  if (job !== undefined && number !== undefined) {
    return { id: `${job}_${number}`, number: Number(number), restarts: Number(restarts) };
  }
  throw new UserError('This command is what the jobs of a sweep run. Start a sweep: sparsebook sweep ... engine=slurm');
}

async function stepOf(sweep: Sweep, id: string): Promise<number> {
  const dir = await sweep.runOf(id);
  return (dir && (await progressOf(dir))?.step) || 0;
}

/**
 * Trains the point of this task of the job array in `file`. On the signal before its time limit it saves and puts the
 * job back into the queue, to continue later; on the signal of a cancelled job it only saves. Returns the state of the
 * point.
 */
export async function runSlurmTask(folder: string, file: string): Promise<PointState> {
  const { id: task, number, restarts } = taskHere();
  const whole = await Sweep.open(folder);
  const point = whole.point((await readArray(file)).points[number]);
  // Everything needed is in the files of this one point.
  const sweep = Sweep.at(folder, [point]);
  const over = new AbortController();
  process.on('SIGTERM', () => over.abort());
  const before = await stepOf(sweep, point.id);
  const ended = await useBackend({ backend: experimentOf(point).backend }).then(
    () => runPoint(sweep, point, { signal: over.signal }),
    async (error: Error) => {
      await sweep.report(point.id, { state: 'failed', reason: `${error.message} (on ${hostname()})` });
      return 'failed';
    },
  );
  if (ended === 'stopped' && !sweep.isCancelled && (await isMeantToRun(task))) {
    if (restarts >= RESTARTS && (await stepOf(sweep, point.id)) === before) {
      const reason = 'Its time limit leaves no time to train a step: give slurm.time=';
      await sweep.report(point.id, { state: 'failed', reason });
    } else await slurmCommand('scontrol', ['requeue', task]);
  }
  const [state] = await sweep.states();
  return state;
}

/** Whether a task that was asked to stop should run again: its time limit was reached, or another job preempted it. */
async function isMeantToRun(task: string): Promise<boolean> {
  return (
    (await slurmCommand('squeue', ['--noheader', '--array', `--jobs=${task}`, '--format=%T'])).trim() === 'RUNNING'
  );
}
