import { AsyncLocalStorage } from 'node:async_hooks';
import { readFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Connection } from '../client/connection.js';
import { CellRun } from '../cellRun.js';
import type { MessageContent } from '../wire.js';
import { CellExecutor } from './cellExecutor.js';
import { bundleOf, captureOutput, refuseInput, captureChildren } from './cellOutput.js';
import { endKernel, failureOf, interruption, repairStackTraces } from './failures.js';
import type { ExecutionHistory } from './messages.js';
import { type Outlet, replaceMethod, type Tslab } from './tslab.js';
import { unbroken } from './watchThread.js';

/**
 * Answers `execute_request` as the protocol requires. Something that a cell left running prints, shows and fails in
 * that cell, even while others run (from Node 24 on). Returns the start function to use instead of tslab's, and a
 * function that returns the executor of the cells once the kernel has started.
 */
export function repairExecution(
  tslab: Tslab,
  history: ExecutionHistory,
): { startKernel: Tslab['startKernel']; executor: () => CellExecutor } {
  const queue = new ExecutionQueue();
  // Before Node 24, AsyncLocalStorage marks promises, and a cell that prints a promise would show the marks.
  const runs = Number.parseInt(process.versions.node) >= 24 ? new AsyncLocalStorage<CellRun>() : undefined;
  let current: CellRun | undefined;
  let executor: CellExecutor;
  const running = (): CellRun | undefined => runs?.getStore() ?? current;

  replaceMethod(tslab.executor, 'createExecutor', (_module, _createExecutor, folder, converters) => {
    executor = new CellExecutor(folder, converters.node, tslab.getCodeMetadata);
    return {
      inspect: (code, position) => executor.inspect(code, position),
      complete: (code, position) => executor.complete(code, position),
      interrupt: () => current?.stop(interruption),
      close: () => converters.close(),
    };
  });

  replaceMethod(tslab.server, 'handleExecute', async (self, _handleExecute, socket, request) => {
    const reply = (type: string, content: MessageContent, to: Outlet): void => {
      // Something that a cell left running may still print while the kernel shuts down.
      if (to.closed) return;
      const message = request.createReply();
      message.header.msg_type = type;
      message.content = content;
      message.signAndSend(self.connInfo.key, to);
    };
    const { stop_on_error, silent, store_history } = request.content;
    const code = String(request.content.code);
    const publish = (type: string, content: MessageContent): void => {
      if (silent !== true) reply(type, content, self.iopub);
    };
    const isStored = silent !== true && store_history !== false;
    const execute = async (): Promise<void> => {
      const run = new CellRun(code, publish, { bundleOf, failureOf });
      const count = await queue.add(() => runNumbered(run));
      const outcome = run.failure ? { status: 'error', ...run.failure } : { status: 'ok', user_expressions: {} };
      reply('execute_reply', count ? { execution_count: count, ...outcome } : { status: 'aborted' }, socket);
    };
    const runNumbered = async (run: CellRun): Promise<number> => {
      current = run;
      if (isStored) history.add(++self.handler.execCount, code);
      const count = self.handler.execCount;
      run.start(count);
      const name = isStored ? `cell ${count}` : 'unnumbered cell';
      await (runs ? runs.run(run, () => runCell(run, count, name)) : runCell(run, count, name));
      // The rejection of a promise that the cell dropped is reported only after the turn in which the cell ended, and
      // requests that a client has sent meanwhile are here after the next turn.
      await nextTurn();
      await nextTurn();
      run.flush();
      if (run.failure && stop_on_error !== false) queue.drop();
      return count;
    };
    try {
      await execute();
    } catch (error) {
      // The kernel has failed, not the cell: an earlier cell may have changed something that the kernel uses (Promise).
      try {
        const failure = { ...failureOf(error) };
        publish('error', failure);
        reply('execute_reply', { status: 'error', ...failure }, socket);
      } catch {
        endKernel(error);
      }
    }
  });

  const runCell = async (run: CellRun, count: number, name: string): Promise<void> => {
    try {
      const isCurrent = (): boolean => running() === run;
      // Terminating a loop drops the microtasks that wait for it to end: none of ours must be among them.
      await nextTurn();
      const cell = { code: run.code, name, isCurrent, stopped: run.stopped };
      const { value } = await unbroken(() => executor.execute(cell));
      if (value !== undefined) run.result(value, count);
    } catch (error) {
      run.threw(error);
    }
  };

  const failOutside = (thrown: unknown): void => {
    const run = running();
    if (run) run.threw(thrown);
    else console.error(thrown);
  };

  const startKernel: Tslab['startKernel'] = (options) => {
    tslab.jupyter.lastWriteDisplayData = (content, update) => running()?.display(content, update);
    captureOutput(running);
    refuseInput(running);
    if (!isHeard(options.configPath)) captureChildren();
    repairStackTraces();
    tslab.startKernel(options);
    for (const event of ['uncaughtException', 'unhandledRejection']) {
      process.removeAllListeners(event).on(event, failOutside);
    }
    process.on('exit', () => current?.flush());
  };
  return { startKernel, executor: () => executor };
}

/** Whether the client receives the output of the kernel's process, as this project's own client does. */
function isHeard(connectionFile: string): boolean {
  const { client_state } = JSON.parse(readFileSync(connectionFile, 'utf8')) as Connection;
  return client_state !== undefined;
}

class ExecutionQueue {
  private last: Promise<unknown> = Promise.resolve();
  private added = 0;
  private dropped = 0;

  /** Runs a task when the tasks before it are done; resolves to undefined if it was dropped instead. */
  add<Result>(task: () => Promise<Result>): Promise<Result | undefined> {
    const number = ++this.added;
    const turn = this.last.then(() => (number > this.dropped ? task() : undefined));
    this.last = turn.catch(() => undefined);
    return turn;
  }

  drop(): void {
    this.dropped = this.added;
  }
}
