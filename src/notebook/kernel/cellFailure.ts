import { inspect } from 'node:util';

/** Why a cell failed, as Jupyter's `error` message has it. */
export interface CellFailure {
  ename: string;
  evalue: string;
  /** One line of text each. */
  traceback: string[];
}

/** What the TypeScript compiler says about a place in a cell. */
export interface Diagnostic {
  file: string;
  /** Counted from 1. */
  line: number;
  /** Counted from 1. */
  column: number;
  message: string;
}

const INTERRUPTED: CellFailure = {
  ename: 'Interrupted',
  evalue: 'the cell was interrupted',
  traceback: ['Interrupted: the cell was interrupted'],
};

/** The stack without the frames below the cell (Node's, tslab's, this folder's), which tell a reader nothing. */
function readableStack(error: Error): string[] {
  const lines = inspect(error).split('\n');
  const machinery = /^\s+at .*(tslab[\\/]dist[\\/]|dist[\\/]notebook[\\/]kernel[\\/]|node:vm|node:internal)/;
  return lines
    .filter((line) => !machinery.test(line))
    .map((line) => line.replaceAll('evalmachine.<anonymous>', 'cell'));
}

/** The failure of a cell that threw, or whose promise was rejected with, the given value. */
export function failureOfThrown(thrown: unknown): CellFailure {
  if (!(thrown instanceof Error)) {
    const evalue = inspect(thrown);
    return { ename: 'Thrown', evalue, traceback: `Thrown: ${evalue}`.split('\n') };
  }
  const interrupted =
    thrown.message === 'Interrupted asynchronously' ||
    (thrown as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_INTERRUPTED';
  if (interrupted) return INTERRUPTED;
  // A UserError says by itself what to do; a stack would only bury it.
  const traceback =
    thrown.name === 'UserError' ? `${thrown.name}: ${thrown.message}`.split('\n') : readableStack(thrown);
  return { ename: thrown.name, evalue: thrown.message, traceback };
}

/** The failure of a cell that did not compile: each diagnostic with the line of the cell it points at. */
export function failureOfDiagnostics(code: string, diagnostics: Diagnostic[]): CellFailure {
  const lines = code.split('\n');
  const said = ({ file, line, column, message }: Diagnostic): string => `${file}${line}:${column} - ${message}`;
  const traceback = diagnostics.flatMap((diagnostic) => {
    const source = diagnostic.file === '' ? lines.at(diagnostic.line - 1) : undefined;
    const frame = source === undefined ? [] : [`    ${source}`, `    ${' '.repeat(diagnostic.column - 1)}^`];
    return [...`TypeScript: ${said(diagnostic)}`.split('\n'), ...frame];
  });
  return { ename: 'TypeScriptError', evalue: said(diagnostics[0]), traceback };
}
