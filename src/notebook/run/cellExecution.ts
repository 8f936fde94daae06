import { setTimeout as sleep } from 'node:timers/promises';
import { LONGEST_MILLISECONDS } from '../kernel/client/channels.js';
import type { ExecuteOutcome, KernelClient } from '../kernel/client/kernelClient.js';
import type { CellFailure } from '../kernel/cellRun.js';
import type { Message } from '../kernel/wire.js';
import { causeOfExit, type CellFault, type CellPlace, type FailureKind } from './events.js';
import { type CodeCell, joined, type Metadata, type Output } from './notebook.js';
import { sourceHash } from './notebookFile.js';
import { type NotebookOutputs, OutputArea } from './outputArea.js';

/** One cell of a run: what it printed and showed, when, and what went wrong. */
export class CellExecution {
  /** What went wrong, while the cell ran or later, in something that it left running. */
  fault: CellFault | undefined;
  private readonly area: OutputArea;
  private readonly times: Record<string, string> = {};
  private executionCount: number | null = null;
  /** The first failure that the kernel reported, even if its reply says that all went well. */
  private failure: CellFailure | undefined;
  /** Whether the kernel has answered; what the cell left running may still print. */
  over = false;
  /** Whether the kernel died while the cell ran. */
  died = false;
  private forgotten = false;
  /** The source that ran: the cell's own may be edited meanwhile. */
  private readonly source: string;

  constructor(
    readonly cell: CodeCell,
    private readonly place: CellPlace,
    outputs: NotebookOutputs,
    private readonly onMessage: (message: Message) => void,
  ) {
    this.source = joined(cell.source);
    this.area = new OutputArea(outputs);
  }

  /** Runs the cell until it ends or fails; a failure becomes an error among its outputs. */
  async run(kernel: KernelClient, limits: Limits): Promise<void> {
    const outcome = await executeCell(kernel, this.source, limits, (message) => this.hear(message));
    this.over = true;
    this.died = outcome.reply.status === 'dead';
    this.times['shell.execute_reply'] = new Date().toISOString();
    const { reply } = outcome;
    if (reply.status !== 'dead') this.executionCount = reply.execution_count ?? this.executionCount;
    if (reply.status === 'ok') {
      // Something that it left running failed while the kernel answered.
      if (this.failure) this.fault = this.faultFrom(this.failure);
      return;
    }
    const told = failureWithout(outcome, limits);
    const shown = this.lastError();
    if (!told) this.fault = this.faultFrom(shown ?? this.errorFromStderr());
    else {
      const { kind, ename, evalue } = told;
      this.fault = { ...this.faultFrom({ ename, evalue, traceback: [] }), kind, cause: evalue };
      // A kernel that obeys an interrupt says so itself.
      if (!shown || kind !== 'interrupted' || outcome.reply.status === 'dead')
        this.area.addError({ ename, evalue, traceback: [`${ename}: ${evalue}`] });
    }
  }

  get hasOutputs(): boolean {
    return !this.area.isEmpty;
  }

  /** Whether a message of another cell changes what this one shows. */
  isUpdatedBy(message: Message): boolean {
    return this.area.isUpdatedBy(message);
  }

  /** Discards its outputs: another execution replaces it, or the cell is gone. */
  forget(): void {
    this.forgotten = true;
    this.area.clear();
  }

  /** Writes what is known so far into the cell. */
  save(clean: (text: string) => string): void {
    const { cell } = this;
    cell.execution_count = this.executionCount;
    cell.outputs = this.area.outputs(clean);
    const own = cell.metadata.sparsebook as Metadata | undefined;
    cell.metadata.sparsebook = { ...own, sourceHash: sourceHash(this.source) };
    cell.metadata.execution = { ...this.times };
  }

  private hear(message: Message): void {
    if (this.forgotten) return;
    const { header, content } = message;
    if (header.msg_type === 'status') this.times[`iopub.status.${String(content.execution_state)}`] = header.date;
    if (header.msg_type === 'execute_input') {
      this.times['iopub.execute_input'] = header.date;
      this.executionCount = content.execution_count as number | null;
    }
    this.area.add(message);
    if (header.msg_type === 'error') {
      this.failure ??= content as unknown as CellFailure;
      if (this.over) this.fault ??= this.faultFrom(this.failure);
    }
    this.onMessage(message);
  }

  private faultFrom({ ename, evalue, traceback }: CellFailure): CellFault {
    const cause = evalue === '' ? ename : `${ename}: ${evalue.split('\n')[0]}`;
    return { kind: 'error', cell: this.place.number, title: this.place.title, cause, traceback };
  }

  private lastError(): CellFailure | undefined {
    const isError = (output: Output): output is Extract<Output, CellFailure> => output.output_type === 'error';
    return this.area.outputs().findLast(isError);
  }

  /** A kernel that sends no error message (stock tslab) prints the error; the notebook should show it as one. */
  private errorFromStderr(): CellFailure {
    const printed = this.area.outputs().findLast((o) => o.output_type === 'stream' && o.name === 'stderr');
    const text = printed?.output_type === 'stream' ? joined(printed.text) : '';
    const [, ename = 'Error', evalue = text.trim().split('\n')[0]] =
      /^(?:Uncaught )?(\w*Error): (.*)$/m.exec(text) ?? [];
    const failure = { ename, evalue, traceback: [] };
    this.area.addError(failure);
    return failure;
  }
}

/** Says how a cell ended if the kernel cannot, because it is dead or does not know why it was interrupted. */
function failureWithout(
  { reply, stoppedBy }: CellOutcome,
  { cellTimeout }: Limits,
): { kind: FailureKind; ename: string; evalue: string } | undefined {
  const dead = reply.status === 'dead';
  const deaf = dead && stoppedBy !== 'kill' ? ' and did not heed the interrupt; the kernel was ended' : '';
  if (stoppedBy === 'timeout') {
    const evalue = `it took longer than the cell timeout of ${cellTimeout} s${deaf}`;
    return { kind: 'timeout', ename: 'CellTimeout', evalue };
  }
  if (stoppedBy) return { kind: 'interrupted', ename: 'Interrupted', evalue: `it was interrupted${deaf}` };
  if (dead && reply.exit.ended) return { kind: 'interrupted', ename: 'Interrupted', evalue: 'the kernel was stopped' };
  if (dead) return { kind: 'dead', ename: 'KernelDied', evalue: causeOfExit(reply.exit) };
  const refused = { kind: 'error', ename: 'Aborted', evalue: 'the kernel refused to run it' } as const;
  return reply.status === 'aborted' ? refused : undefined;
}

export interface Limits {
  cellTimeout?: number;
  interrupt?: AbortSignal;
  kill?: AbortSignal;
}

interface CellOutcome {
  reply: ExecuteOutcome;
  stoppedBy?: 'timeout' | 'interrupt' | 'kill';
}

/** How long an interrupted cell may take to stop before the kernel is ended. */
const PATIENCE_MILLISECONDS = 5000;
const INSIST_MILLISECONDS = 300;

/** After a failure stock tslab refuses cells for 200 ms. */
const REFUSALS = 5;
const PAUSE_MILLISECONDS = 100;

/** Has the kernel execute a cell's source within limits; beyond them it first asks the kernel to stop, then ends it. */
async function executeCell(
  kernel: KernelClient,
  source: string,
  limits: Limits,
  onMessage: (message: Message) => void,
): Promise<CellOutcome> {
  let stoppedBy: CellOutcome['stoppedBy'];
  const timers: NodeJS.Timeout[] = [];
  const kill = (): void => void kernel.kill();
  const stop = (reason: 'timeout' | 'interrupt'): void => {
    stoppedBy ??= reason;
    kernel.interrupt();
    // Node loses a SIGINT that arrives just as a cell's synchronous part ends.
    timers.push(setInterval(() => kernel.interrupt(), INSIST_MILLISECONDS));
    timers.push(setTimeout(kill, PATIENCE_MILLISECONDS));
  };
  const onInterrupt = (): void => stop('interrupt');
  const onKill = (): void => {
    stoppedBy ??= 'kill';
    kill();
  };
  const patience = 1000 * (limits.cellTimeout ?? Infinity);
  if (patience <= LONGEST_MILLISECONDS) timers.push(setTimeout(() => stop('timeout'), patience));
  limits.interrupt?.addEventListener('abort', onInterrupt);
  limits.kill?.addEventListener('abort', onKill);
  try {
    for (let attempt = 1; ; attempt++) {
      const reply = await kernel.execute(source, onMessage);
      if (reply.status !== 'aborted' || attempt > REFUSALS) return { reply, stoppedBy };
      await sleep(PAUSE_MILLISECONDS);
    }
  } finally {
    timers.forEach(clearTimeout);
    limits.interrupt?.removeEventListener('abort', onInterrupt);
    limits.kill?.removeEventListener('abort', onKill);
  }
}
