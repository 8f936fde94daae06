import { fork, type ChildProcess } from 'node:child_process';
import { setPriority } from 'node:os';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { type SweepPoint, titleOf } from './points.js';
import type { Speed } from './speed.js';
import { progressOf } from '../../training/log/readRun.js';
import { UserError } from '../../errors.js';
import type { Sweep } from './sweep.js';

/** A point to train, or to measure the speed of, with this many threads; `sweep` is the sweep's folder. */
export interface Task {
  type: 'point' | 'speed';
  sweep: string;
  point: SweepPoint;
  threads: number;
}

/** A message to a child. */
export type ToChild = Task | { type: 'stop' };

/** A message from a child. */
export type FromChild =
  | { type: 'point'; state: 'finished' | 'failed' | 'stopped' }
  | { type: 'speed'; speed: Speed }
  | { type: 'error'; message: string };

/** How a child's work ended: with its answer, or with the end of its process, described in words. */
export type Outcome = FromChild | { type: 'died'; how: string };

/** A process that trains points one after another, so that a crash of one ends nothing else. */
export class Child {
  private readonly process: ChildProcess;
  private answered?: (outcome: Outcome) => void;
  private how?: string;

  /** Starts the process with niceness `nice`, 0 (usual) to 19. Its output goes to the file `log`, or nowhere. */
  constructor(nice: number, log?: string) {
    const to = log === undefined ? 'ignore' : openSync(log, 'a');
    this.process = fork(join(import.meta.dirname, 'child.js'), { execArgv: [], stdio: ['ignore', to, to, 'ipc'] });
    if (typeof to === 'number') closeSync(to);
    try {
      if (this.process.pid !== undefined) setPriority(this.process.pid, nice);
    } catch {
      // It may have ended already, which 'exit' reports.
    }
    this.process.on('message', (message: FromChild) => this.answer(message));
    const died = (how: string): void => {
      this.how = how;
      this.answer({ type: 'died', how });
    };
    this.process.on('exit', (code, signal) => died(signal ? `was ended by ${signal}` : `exited with code ${code}`));
    this.process.on('error', (error) => died(`cannot be started: ${error.message}`));
  }

  /** Whether its process still exists. */
  get alive(): boolean {
    return this.how === undefined;
  }

  /** Gives it one task; the promise resolves when the task is done or the process ends. */
  ask(task: Task): Promise<Outcome> {
    return new Promise((resolve) => {
      if (this.how !== undefined) return resolve({ type: 'died', how: this.how });
      this.answered = resolve;
      this.process.send(task, (error) => error && this.answer({ type: 'died', how: error.message }));
    });
  }

  /** Asks it to save and stop its run. */
  stop(): void {
    if (this.alive && this.process.connected) this.process.send({ type: 'stop' } satisfies ToChild, () => undefined);
  }

  kill(): void {
    if (this.alive) this.process.kill('SIGKILL');
  }

  /** Ends a process that has nothing to do. */
  close(): void {
    if (this.process.connected) this.process.disconnect();
    this.kill();
  }

  private answer(outcome: Outcome): void {
    const { answered } = this;
    this.answered = undefined;
    answered?.(outcome);
  }
}

/** How often a point's process crashed in a row, and the step that its run had reached. */
export interface Crashes {
  count: number;
  step: number;
}

/**
 * Handles a point whose process crashed. If it is to be tried again, returns its crashes in a row without progress of
 * its run; otherwise writes the reason to the point's file and returns undefined. Throws a UserError if that file
 * cannot be written.
 */
export async function afterCrash(
  sweep: Sweep,
  point: SweepPoint,
  outcome: Outcome,
  before: Crashes | undefined,
  retries: number,
): Promise<Crashes | undefined> {
  const fail = async (reason: string): Promise<undefined> => {
    await sweep.report(point.id, { state: 'failed', reason }).catch((error: Error) => {
      throw new UserError(`The point '${titleOf(point)}' failed: ${reason} ${error.message}`);
    });
  };
  if (outcome.type === 'error') return fail(outcome.message);
  const dir = await sweep.runOf(point.id);
  const step = (dir && (await progressOf(dir))?.step) || 0;
  const count = before && step <= before.step ? before.count + 1 : 1;
  if (count <= retries) return { count, step };
  const how = outcome.type === 'died' ? outcome.how : 'was stopped';
  return fail(`The process that trains it ${how}, ${count} times in a row without progress.`);
}
