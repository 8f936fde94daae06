import { randomUUID } from 'node:crypto';
import { writeSync } from 'node:fs';
import { inspect } from 'node:util';
import type * as TypeScript from 'typescript';
import { charactersIn, decodeMessage, encodeMessage, headerOf, unitsIn } from '../wire.js';
import type { MessageContent, ReceivedMessage } from '../wire.js';
import type { CellExecutor } from './cellExecutor.js';
import { kernelTypeScript } from './compiler.js';
import { endKernel, failureOf, problemsOf } from './failures.js';
import { type Outlet, replaceMethod, type Tslab } from './tslab.js';
import { tensorMemory } from './variables.js';

const tslabAnswers = 'kernel_info execute is_complete inspect complete comm_info shutdown';
const knownToTslab = new Set(tslabAnswers.split(' ').map((name) => `${name}_request`));

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

/** Whether messages can still be written and read: a cell may have changed JSON, Buffer or Date under the kernel. */
function canAnswer(): boolean {
  try {
    const header = headerOf('status');
    const frames = encodeMessage('', { header, parent_header: {}, metadata: {}, content: {} });
    const received = frames.map((frame) => Buffer.from(frame as string));
    return decodeMessage('', received).message.header.msg_id === header.msg_id;
  } catch {
    return false;
  }
}

function answered(content: () => MessageContent): MessageContent {
  try {
    return content();
  } catch (error) {
    return { status: 'error', ...failureOf(error) };
  }
}

/**
 * Answers `interrupt_request` and `history_request`, and two requests that only this kernel has: `diagnose_request`
 * asks what the compiler finds wrong in `code` as a next cell, without running it; `variables_request` asks for the
 * variables that cells have set. Corrects replies that are wrong or missing.
 */
export function repairMessages(
  { server, handler }: Tslab,
  history: ExecutionHistory,
  executor: () => CellExecutor,
): void {
  const answers: Record<string, (request: MessageContent) => MessageContent> = {
    interrupt_request() {
      // Not process.kill: on Windows that ends the process instead of calling the listeners.
      process.emit('SIGINT', 'SIGINT');
      return { status: 'ok' };
    },
    history_request: (request) => history.answer(request),
    diagnose_request: ({ code }) => ({ status: 'ok', problems: problemsOf(executor().diagnose(String(code))) }),
    variables_request: () => ({ status: 'ok', variables: executor().listVariables(), tensors: tensorMemory() }),
  };
  replaceMethod(server, 'handleShellMessage', async (self, handleShellMessage, socket, ...frames) => {
    try {
      const { key } = self.connInfo;
      const request = decodeMessage(key, frames);
      const type = request.message.header.msg_type;
      if (knownToTslab.has(type)) return await handleShellMessage(socket, ...frames);
      // Messages without an answer (widgets' comm messages) are ignored; tslab would print into the last cell.
      if (!(type in answers)) return;
      answer(key, request, self.iopub, 'status', { execution_state: 'busy' });
      const content = answered(() => answers[type](request.message.content));
      answer(key, request, socket, type.replace('_request', '_reply'), content);
      answer(key, request, self.iopub, 'status', { execution_state: 'idle' });
    } catch (error) {
      if (!canAnswer()) return endKernel(error);
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

  const atCursor = ({ code, cursor_pos, ...rest }: MessageContent): MessageContent => {
    const text = String(code);
    return { ...rest, code: text, cursor_pos: unitsIn(text, typeof cursor_pos === 'number' ? cursor_pos : Infinity) };
  };

  replaceMethod(handler, 'handleInspect', (_self, handleInspect, request) =>
    answered(() => handleInspect(atCursor(request))),
  );

  replaceMethod(handler, 'handleComplete', (_self, handleComplete, request) =>
    answered(() => {
      const reply = handleComplete(atCursor(request));
      const place = (name: string): number => charactersIn(String(request.code), Number(reply[name]));
      return { ...reply, cursor_start: place('cursor_start'), cursor_end: place('cursor_end') };
    }),
  );

  replaceMethod(handler, 'handleIsComplete', (_self, _handle, { code }) =>
    completenessOf(kernelTypeScript(), String(code)),
  );

  replaceMethod(handler, 'handleKernel', (_self, handleKernel) => {
    const info = handleKernel();
    info.language_info.version = kernelTypeScript().version;
    return { status: 'ok', help_links: [], ...info };
  });
}

/** What was executed, as `history_request` asks for it. There is one session, number 0. */
export class ExecutionHistory {
  private readonly entries: { count: number; code: string }[] = [];

  add(count: number, code: string): void {
    this.entries.push({ count, code });
  }

  /** Answers a request: the last entries, a range of counts, or the entries that match a pattern with `*` and `?`. */
  answer({ hist_access_type, n, start, stop, pattern, unique, output }: MessageContent): MessageContent {
    let found = this.entries;
    if (hist_access_type === 'range') {
      const last = typeof stop === 'number' ? stop : Infinity;
      found = found.filter(({ count }) => count >= Number(start ?? 0) && count < last);
    } else if (hist_access_type === 'search') {
      const matcher = globMatcher(typeof pattern === 'string' ? pattern : '*');
      found = found.filter(({ code }) => matcher.test(code));
      if (unique) found = [...new Map(found.map((entry) => [entry.code, entry])).values()];
    }
    if (hist_access_type !== 'range' && typeof n === 'number') found = n > 0 ? found.slice(-n) : [];
    const history = found.map(({ count, code }) => [0, count, output ? [code, null] : code]);
    return { status: 'ok', history };
  }
}

function globMatcher(pattern: string): RegExp {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '[^]*').replaceAll('?', '[^]')}$`);
}

/** What the parser says about code whose end is missing, besides that something was "expected" there. */
const UNTERMINATED = /^(Unterminated template literal|'\*\/' expected)/;

/** The answer to `is_complete_request`: whether code can be run or is still incomplete. */
function completenessOf(ts: typeof TypeScript, code: string): MessageContent {
  // Two empty lines at the end ask for the code to be run.
  if (/(^|\n)\s*\n\s*$/.test(code)) return { status: 'complete' };
  const file = ts.createSourceFile('cell.ts', code, ts.ScriptTarget.ESNext);
  const { parseDiagnostics } = file as unknown as { parseDiagnostics: TypeScript.Diagnostic[] };
  const end = code.trimEnd().length;
  const open = parseDiagnostics.some(({ start = 0, length = 0, messageText }) => {
    const message = ts.flattenDiagnosticMessageText(messageText, '\n');
    return UNTERMINATED.test(message) || (start + length >= end && start >= end && message.endsWith('expected.'));
  });
  if (open) return { status: 'incomplete', indent: indentAfter(code) };
  return { status: parseDiagnostics.length > 0 ? 'invalid' : 'complete' };
}

/** The spaces that the next line begins with: two more if the last line ends with an open bracket. */
function indentAfter(code: string): string {
  const line = code.slice(code.lastIndexOf('\n') + 1);
  const indent = /^\s*/.exec(line)?.[0] ?? '';
  return /[{([]\s*$/.test(line) ? `${indent}  ` : indent;
}
