import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Publisher, Router } from 'zeromq';
import { CellRun } from './cellRun.js';
import { replaceMethod } from './replaceMethod.js';
import type { Tslab } from './tslabInternals.js';
import type { MessageContent } from './wire.js';

/**
 * Adds what an execution lacks: `execute_input`, `error` with name, value and traceback, 'aborted', joined streams,
 * and failures that surface outside the cell's own promise. Returns the starter to use in place of tslab's.
 */
export function repairExecution({ server, handler, queue, startKernel }: Tslab): typeof startKernel {
  const runs = new WeakMap<MessageContent, CellRun>();
  let current: CellRun | undefined;

  replaceMethod(server, 'handleExecute', async (self, _handleExecute, socket, request) => {
    const reply = (type: string, content: MessageContent, to: Publisher | Router): void => {
      const message = request.createReply();
      message.header.msg_type = type;
      message.content = content;
      message.signAndSend(self.connInfo.key, to);
    };
    const { code, stop_on_error } = request.content;
    const run = new CellRun(String(code), stop_on_error !== false, (type, content) => reply(type, content, self.iopub));
    runs.set(request.content, run);
    const { status, ...counted } = await self.handler.handleExecute(
      request.content,
      (name, text) => run.write(name, text),
      (content, update) => run.display(content, update),
    );
    const outcome = status === 'abort' ? { status: 'aborted' } : { status, ...run.failure, user_expressions: {} };
    reply('execute_reply', { ...counted, ...outcome }, socket);
  });

  replaceMethod(handler, 'handleExecuteImpl', async (self, handleExecuteImpl, request, stream, display) => {
    const run = (current = runs.get(request));
    run?.start(self.execCount + 1);
    try {
      const count = await handleExecuteImpl(request, stream, display);
      // A promise that the cell dropped is reported as rejected only after the turn in which the cell ended.
      await nextTurn();
      run?.end();
      if (run?.failure) throw count;
      return count;
    } finally {
      run?.end();
    }
  });

  // The frontend says whether a failure drops the cells that wait; tslab always drops them, for 200 ms.
  replaceMethod(queue, 'reset', (_self, reset, delay) => reset(current?.stopOnError === false ? undefined : delay));

  const failOutside = (thrown: unknown): void => {
    if (current) current.threw(thrown);
    else console.error(thrown);
  };

  return (options) => {
    // tslab keeps the console.error of this moment to report how cells fail, and uses it for nothing else.
    const { error } = console;
    console.error = (...said: unknown[]) => {
      if (said.length === 5 && said[0] === '%s%d:%d - %s') {
        const [file, line, column, message] = said.slice(1) as [string, number, number, string];
        current?.complained({ file, line, column, message });
      } else failOutside(said[0]);
    };
    startKernel(options);
    console.error = error;
    for (const event of ['uncaughtException', 'unhandledRejection']) {
      process.removeAllListeners(event).on(event, failOutside);
    }
    process.on('exit', () => current?.flush());
  };
}
