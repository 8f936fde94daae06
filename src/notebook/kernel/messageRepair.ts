import { writeSync } from 'node:fs';
import { inspect } from 'node:util';
import { randomUUID } from 'node:crypto';
import { completenessOf } from './completeness.js';
import type { ExecutionHistory } from './executionHistory.js';
import { kernelTypeScript } from './kernelTypeScript.js';
import { replaceMethod } from './replaceMethod.js';
import type { Outlet, Tslab } from './tslabInternals.js';
import { decodeMessage, encodeMessage, type MessageContent, type ReceivedMessage } from './wire.js';

/** Requests that tslab does not know and that have an answer here. */
type Answers = Record<string, (request: MessageContent) => MessageContent>;

function answersOf(history: ExecutionHistory): Answers {
  return {
    interrupt_request() {
      // Not process.kill: on Windows that ends the process instead of calling the listeners.
      process.emit('SIGINT', 'SIGINT');
      return { status: 'ok' };
    },
    history_request: (request) => history.answer(request),
  };
}

const knownToTslab = new Set([
  'kernel_info_request',
  'execute_request',
  'is_complete_request',
  'inspect_request',
  'complete_request',
  'comm_info_request',
  'shutdown_request',
]);

function answer(key: string, request: ReceivedMessage, to: Outlet, type: string, content: MessageContent): void {
  const { header } = request.message;
  const message = {
    header: { ...header, msg_id: randomUUID(), date: new Date().toISOString(), msg_type: type },
    parent_header: header,
    metadata: {},
    content,
  };
  void to.send(encodeMessage(key, message, request.identities));
}

/** Answers `interrupt_request` and `history_request`, and mends replies that are wrong or missing. */
export function repairMessages({ server, handler }: Tslab, history: ExecutionHistory): void {
  const answers = answersOf(history);
  replaceMethod(server, 'handleShellMessage', async (self, handleShellMessage, socket, ...frames) => {
    try {
      const { key } = self.connInfo;
      const request = decodeMessage(key, frames);
      const type = request.message.header.msg_type;
      if (knownToTslab.has(type)) return await handleShellMessage(socket, ...frames);
      // Messages without an answer (widgets' comm messages) are passed over; tslab would print into the last cell.
      if (!(type in answers)) return;
      answer(key, request, self.iopub, 'status', { execution_state: 'busy' });
      answer(key, request, socket, type.replace('_request', '_reply'), answers[type](request.message.content));
      answer(key, request, self.iopub, 'status', { execution_state: 'idle' });
    } catch (error) {
      // Not console.error: that belongs to the running cell, and this is not the cell's fault.
      writeSync(2, `kernel: ${inspect(error)}\n`);
    }
  });

  replaceMethod(server, 'handleCommInfoRequest', (self, _handle, socket, request) => {
    const reply = request.createReply();
    reply.header.msg_type = 'comm_info_reply';
    reply.content = { status: 'ok', comms: {} };
    reply.signAndSend(self.connInfo.key, socket);
  });

  replaceMethod(handler, 'handleIsComplete', (_self, _handle, { code }) =>
    completenessOf(kernelTypeScript(), String(code)),
  );

  replaceMethod(handler, 'handleKernel', (_self, handleKernel) => {
    const info = handleKernel();
    info.language_info.version = kernelTypeScript().version;
    return { status: 'ok', help_links: [], ...info };
  });
}
