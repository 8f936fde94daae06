import { reasonOf } from '../../../errors.js';
import type { CellFailure } from '../../kernel/cellRun.js';
import type { Message } from '../../kernel/wire.js';
import { parsed, unpack } from '../../report/browser/unpack.js';
import type { Request } from '../protocol.js';

/** How a cell ended. */
export type Outcome =
  | { status: 'ok' }
  | ({ status: 'error'; needs_node: boolean } & CellFailure)
  /** There is no worker, or it was ended and what cells have made is lost. */
  | ({ status: 'dead' } & CellFailure);

const dead = (ename: string, evalue: string): Outcome => ({
  status: 'dead',
  ename,
  evalue,
  traceback: [`${ename}: ${evalue}`],
});

/** How long an interrupted cell may take to stop before its worker is ended. */
const PATIENCE_MILLISECONDS = 5000;

/** The worker that runs the page's cells, started when the first cell runs. */
export class PageKernel {
  private worker: Promise<Worker> | undefined;
  private requests = 0;
  /** The receiver of each cell's messages, also of messages that the cell sends after its end. */
  private readonly heard = new Map<string, (message: Message) => void>();
  private end: ((outcome: Outcome) => void) | undefined;

  /** Runs a cell to its end, successful or not. */
  async execute(
    cell: string,
    parameters: Record<string, unknown>,
    onMessage: (message: Message) => void,
  ): Promise<Outcome> {
    const id = String(++this.requests);
    let end!: (outcome: Outcome) => void;
    const ended = new Promise<Outcome>((resolve) => (end = resolve));
    this.end = end;
    let worker: Worker;
    try {
      worker = await (this.worker ??= this.start());
    } catch (error) {
      this.worker = undefined;
      return dead('NoWorker', `this browser lets the page start no worker: ${reasonOf(error)}`);
    }
    this.heard.set(id, (message) => {
      // Each reply ends its own cell: a cell that was given up may answer late.
      if (message.header.msg_type === 'execute_reply') end(message.content as unknown as Outcome);
      else onMessage(message);
    });
    send(worker, { type: 'execute_request', id, cell, parameters });
    const outcome = await ended;
    this.end = undefined;
    return outcome;
  }

  /** Asks the running cell to stop; if it does not, its worker is ended. */
  async interrupt(): Promise<void> {
    const { worker: started, end } = this;
    const worker = await started;
    if (!worker || !end) return;
    send(worker, { type: 'interrupt_request' });
    setTimeout(() => {
      if (this.end !== end || this.worker !== started) return;
      this.giveUp(worker);
      end(dead('Interrupted', 'it was interrupted and did not heed that; what was computed in this page is gone'));
    }, PATIENCE_MILLISECONDS);
  }

  /** Ends a worker; the next cell starts another one. */
  private giveUp(worker: Worker): void {
    worker.terminate();
    this.heard.clear();
    this.worker = undefined;
  }

  private async start(): Promise<Worker> {
    await parsed();
    const unpacked = async (id: string): Promise<string> => (await unpack(document.getElementById(id)!)).text();
    const script = new Blob([await unpacked('worker'), '\n', await unpacked('cells')], { type: 'text/javascript' });
    const address = URL.createObjectURL(script);
    const worker = new Worker(address);
    URL.revokeObjectURL(address);
    worker.onmessage = ({ data }: { data: string }) => {
      const message = JSON.parse(data) as Message;
      this.heard.get(message.parent_header.msg_id!)?.(message);
    };
    // The worker handles errors in cells itself, so this is a script that does not run.
    worker.onerror = ({ message }) => {
      this.giveUp(worker);
      this.end?.(dead('WorkerError', message));
    };
    send(worker, { type: 'mount', files: await filesOfPage() });
    return worker;
  }
}

const send = (worker: Worker, request: Request): void => worker.postMessage(request);

/** The files that the page contains for its cells, by their paths relative to the notebook. */
async function filesOfPage(): Promise<Record<string, Uint8Array>> {
  const packed = [...document.querySelectorAll<HTMLElement>('script[data-file]')];
  const bytes = packed.map(async (file) => {
    const unpacked = await unpack(file);
    return [file.dataset.file!, new Uint8Array(await unpacked.arrayBuffer())] as const;
  });
  return Object.fromEntries(await Promise.all(bytes));
}
