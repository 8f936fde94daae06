import type { CellFailure } from '../kernel/cellFailure.js';
import type { KernelClient } from '../kernel/kernelClient.js';
import type { Message } from '../kernel/wire.js';
import type { CellPlace } from './events.js';
import { executeCell, type CellOutcome, type Limits } from './executeCell.js';
import { causeOfDeath, type CellFault } from './failure.js';
import { joined, type CodeCell, type Metadata, type Output } from './notebook.js';
import { OutputArea, type Displays } from './outputArea.js';
import type { OutputLimits } from './outputLimits.js';
import { sourceHash } from './sourceHash.js';

type ErrorOutput = Extract<Output, { output_type: 'error' }>;

/** One cell of a run: what it printed and showed, when, and what went wrong. */
export class CellExecution {
  /** What went wrong, while it ran or (something it left running) later. */
  fault: CellFault | undefined;
  private readonly area: OutputArea;
  private readonly times: Record<string, string> = {};
  private executionCount: number | null = null;
  /** The kernel has answered; what the cell left running may still print. */
  over = false;
  /** The source that ran: the cell's own may be edited meanwhile. */
  private readonly source: string;

  constructor(
    readonly cell: CodeCell,
    private readonly place: CellPlace,
    displays: Displays,
    private readonly onMessage: (message: Message) => void,
    limits?: OutputLimits,
  ) {
    this.source = joined(cell.source);
    this.area = new OutputArea(displays, limits);
  }

  /** Runs the cell to its end, good or bad. */
  async run(kernel: KernelClient, limits: Limits): Promise<void> {
    const outcome = await executeCell(kernel, this.source, limits, (message) => this.hear(message));
    this.over = true;
    this.times['shell.execute_reply'] = new Date().toISOString();
    const { reply } = outcome;
    if (reply.status !== 'dead') this.executionCount = reply.execution_count ?? this.executionCount;
    if (reply.status !== 'ok') this.fault = this.faultOf(outcome, limits);
  }

  /** Whether it has put anything out yet. */
  get hasOutputs(): boolean {
    return !this.area.isEmpty;
  }

  /** Notes down a failure that the kernel could not tell. */
  fail(failure: CellFailure): void {
    this.area.addError(failure);
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
    const { header, content } = message;
    if (header.msg_type === 'status') this.times[`iopub.status.${String(content.execution_state)}`] = header.date;
    if (header.msg_type === 'execute_input') {
      this.times['iopub.execute_input'] = header.date;
      this.executionCount = content.execution_count as number;
    }
    this.area.add(message);
    if (header.msg_type === 'error' && this.over) this.fault ??= this.faultFrom(content as unknown as ErrorOutput);
    this.onMessage(message);
  }

  private faultOf({ reply, stoppedBy }: CellOutcome, limits: Limits): CellFault {
    const shown = this.lastError() ?? (reply.status === 'error' ? this.errorFromStderr() : undefined);
    const fault = shown ? this.faultFrom(shown) : this.faultFrom({ ename: 'Error', evalue: '', traceback: [] });
    const death = reply.status === 'dead' ? causeOfDeath(reply.exit) : undefined;
    if (stoppedBy === 'timeout') {
      const ended = death ? ' and did not heed the interrupt; the kernel was ended' : '';
      const cause = `it took longer than the cell timeout of ${limits.cellTimeout} s${ended}`;
      return { ...fault, kind: 'timeout', cause, traceback: [] };
    }
    if (stoppedBy) return { ...fault, kind: 'interrupted', cause: 'it was interrupted', traceback: [] };
    if (death) return { ...fault, kind: 'dead', cause: death };
    return reply.status === 'aborted' ? { ...fault, cause: 'the kernel refused to run it' } : fault;
  }

  private faultFrom({ ename, evalue, traceback }: Omit<ErrorOutput, 'output_type'>): CellFault {
    const cause = evalue === '' ? ename : `${ename}: ${evalue.split('\n')[0]}`;
    return { kind: 'error', cell: this.place.number, title: this.place.title, cause, traceback };
  }

  private lastError(): ErrorOutput | undefined {
    return this.area.outputs().findLast((output): output is ErrorOutput => output.output_type === 'error');
  }

  /** A kernel that sends no error message (stock tslab) prints the error; the notebook should show it as one. */
  private errorFromStderr(): ErrorOutput {
    const printed = this.area.outputs().findLast((o) => o.output_type === 'stream' && o.name === 'stderr');
    const text = printed?.output_type === 'stream' ? (printed.text as string[]).join('') : '';
    const [, ename = 'Error', evalue = text.trim().split('\n')[0]] =
      /^(?:Uncaught )?(\w*Error): (.*)$/m.exec(text) ?? [];
    const content = { ename, evalue, traceback: [] };
    this.area.addError(content);
    return { output_type: 'error', ...content };
  }
}
