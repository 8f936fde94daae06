import type * as TypeScript from 'typescript';
import type { MessageContent } from './wire.js';

/** What the parser says of code whose end is missing, besides that something was "expected" there. */
const UNTERMINATED = /^(Unterminated template literal|'\*\/' expected)/;

/** The answer to `is_complete_request`: whether code can be run, or more of it is to come. */
export function completenessOf(ts: typeof TypeScript, code: string): MessageContent {
  // Whoever leaves two lines empty wants it run.
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

/** The spaces that the next line begins with: two more after a bracket that the last one leaves open. */
function indentAfter(code: string): string {
  const line = code.slice(code.lastIndexOf('\n') + 1);
  const indent = /^\s*/.exec(line)?.[0] ?? '';
  return /[{([]\s*$/.test(line) ? `${indent}  ` : indent;
}
