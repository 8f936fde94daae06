import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecuteOutcome, KernelClient } from '../kernel/kernelClient.js';
import type { Message } from '../kernel/wire.js';

/** What can end a cell before it is done. */
export interface Limits {
  /** Seconds; none by default. */
  cellTimeout?: number;
  /** Interrupts the cell. */
  interrupt?: AbortSignal;
  /** Ends the kernel. */
  kill?: AbortSignal;
}

/** How a cell ended, and whether that was our doing. */
export interface CellOutcome {
  reply: ExecuteOutcome;
  stoppedBy?: 'timeout' | 'interrupt' | 'kill';
}

/** How long an interrupted cell may take to stop before the kernel is ended. */
const PATIENCE_MILLISECONDS = 2000;
const INSIST_MILLISECONDS = 300;

/** After a failure stock tslab refuses cells for 200 ms. */
const REFUSALS = 5;
const PAUSE_MILLISECONDS = 100;

/** Has the kernel execute a cell's source, within limits: first it is asked to stop, then it is ended. */
export async function executeCell(
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
  if (limits.cellTimeout !== undefined) timers.push(setTimeout(() => stop('timeout'), limits.cellTimeout * 1000));
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
