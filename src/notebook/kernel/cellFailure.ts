import { inspect } from 'node:util';
import type { TslabDiagnostic } from './tslabInternals.js';

/** Why a cell failed, as Jupyter's `error` message has it. */
export interface CellFailure {
  ename: string;
  evalue: string;
  /** One line of text each. */
  traceback: string[];
}

/** A cell that does not compile. */
export class CompileError extends Error {
  override readonly name = 'TypeScriptError';

  constructor(
    readonly code: string,
    readonly diagnostics: TslabDiagnostic[],
  ) {
    super(said(diagnostics[0]));
  }
}

/** What stops a cell that is interrupted. */
export const interruption = new Error('the cell was interrupted');

const INTERRUPTED: CellFailure = {
  ename: 'Interrupted',
  evalue: interruption.message,
  traceback: [`Interrupted: ${interruption.message}`],
};

/** A property of an error as a text: a cell may have put anything there. */
const asText = (value: unknown): string => (typeof value === 'string' ? value : inspect(value));

/** The failure of a cell that threw, or whose promise was rejected with, the given value. */
export function failureOf(thrown: unknown): CellFailure {
  try {
    return readFailure(thrown);
  } catch {
    const evalue = 'something that throws when it is looked at';
    return { ename: 'Thrown', evalue, traceback: [`Thrown: ${evalue}`] };
  }
}

function readFailure(thrown: unknown): CellFailure {
  if (!(thrown instanceof Error)) {
    const evalue = inspect(thrown);
    return { ename: 'Thrown', evalue, traceback: `Thrown: ${evalue}`.split('\n') };
  }
  const code = (thrown as NodeJS.ErrnoException).code;
  if (thrown === interruption || code === 'ERR_SCRIPT_EXECUTION_INTERRUPTED') return INTERRUPTED;
  return { ename: asText(thrown.name), evalue: asText(thrown.message), traceback: tracebackOf(thrown) };
}

function tracebackOf(error: Error): string[] {
  if (error instanceof CompileError) return error.diagnostics.flatMap((diagnostic) => pointAt(error.code, diagnostic));
  // A UserError says by itself what to do; a stack would only bury it.
  const text = error.name === 'UserError' ? `${error.name}: ${error.message}` : inspect(error);
  return text.split('\n');
}

function said({ fileName, start, messageText }: TslabDiagnostic): string {
  const file = fileName === undefined ? '' : `${fileName} `;
  return `${file}${start.line + 1}:${start.character + 1} - ${messageText}`;
}

/** What the compiler says, with the line of the cell it points at. */
function pointAt(code: string, diagnostic: TslabDiagnostic): string[] {
  const { fileName, start } = diagnostic;
  const source = fileName === undefined ? code.split('\n').at(start.line) : undefined;
  const frame = source === undefined ? [] : [`    ${source}`, `    ${' '.repeat(start.character)}^`];
  return [...`TypeScript: ${said(diagnostic)}`.split('\n'), ...frame];
}
