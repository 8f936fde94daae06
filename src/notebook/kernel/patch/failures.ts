import { writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { grouped } from '../../../formats/text.js';
import type { Place } from './cellScript.js';
import type { DiagnosticCategory } from 'typescript';
import type { CellFailure } from '../cellRun.js';
import type { TslabDiagnostic } from './tslab.js';

export class CompileError extends Error {
  override readonly name = 'TypeScriptError';

  constructor(
    readonly code: string,
    readonly diagnostics: TslabDiagnostic[],
  ) {
    super(said(diagnostics[0]));
  }
}

const ERROR: DiagnosticCategory.Error = 1;

/** The error that stops an interrupted cell. */
export const interruption = new Error('the cell was interrupted');

/** A value as `console.log` writes it. */
export const asText = (value: unknown): string => (typeof value === 'string' ? value : inspect(value));

/** In characters: clients do not read a message that is too large, and the error's name would be lost with it. */
const LONGEST = 1_000_000;

function kept(text: string): string {
  const more = text.length - LONGEST;
  return more > 0 ? `${text.slice(0, LONGEST)}\n… ${grouped(more)} further characters are left out …` : text;
}

const failure = (ename: string, evalue: string, text = `${ename}: ${evalue}`): CellFailure => ({
  ename: kept(ename),
  evalue: kept(evalue),
  traceback: kept(text).split('\n'),
});

/** Returns the failure of a cell that threw the given value, or whose promise was rejected with it. */
export function failureOf(thrown: unknown): CellFailure {
  try {
    if (!(thrown instanceof Error)) return failure('Thrown', inspect(thrown));
    const { code } = thrown as NodeJS.ErrnoException;
    if (thrown === interruption || code === 'ERR_SCRIPT_EXECUTION_INTERRUPTED') {
      return failure('Interrupted', interruption.message);
    }
    return failure(asText(thrown.name), asText(thrown.message), tracebackOf(thrown));
  } catch {
    return failure('Thrown', 'something that throws when it is looked at');
  }
}

/**
 * Ends a kernel that can no longer answer, with the reason as its last output: otherwise clients would wait for ever.
 */
export function endKernel(error: unknown): void {
  try {
    writeSync(2, 'The kernel ends because it can no longer answer: a cell has changed something that it uses.\n');
    writeSync(2, `${failureOf(error).traceback.join('\n')}\n`);
  } finally {
    process.exit(1);
  }
}

function tracebackOf(error: Error): string {
  if (error instanceof CompileError) return error.diagnostics.map((found) => pointAt(error.code, found)).join('\n');
  // A UserError says by itself what to do; a stack would only bury it.
  if (error.name === 'UserError') return `${error.name}: ${error.message}`;
  // `inspect` would search a stack of many megabytes for seconds.
  if (typeof error.stack === 'string' && error.stack.length > LONGEST) return error.stack;
  // Node puts an error without frames into brackets.
  return inspect(error).replace(/^\[([^]*?)\](?=$| \{\n)/, '$1');
}

function said({ fileName, start, messageText }: TslabDiagnostic): string {
  const file = fileName === undefined ? '' : `${fileName} `;
  return `${file}${start.line + 1}:${start.character + 1} - ${messageText}`;
}

function pointAt(code: string, diagnostic: TslabDiagnostic): string {
  const { fileName, start } = diagnostic;
  const source = fileName === undefined ? code.split('\n').at(start.line) : undefined;
  const frame = source === undefined ? [] : [`    ${source}`, `    ${' '.repeat(start.character)}^`];
  return [`TypeScript: ${said(diagnostic)}`, ...frame].join('\n');
}

/** An error in a cell, and the places where it starts and ends. */
interface Problem {
  start: number;
  end: number;
  message: string;
  severity: 'error' | 'warning';
}

/**
 * Returns all problems of a cell, as `diagnose_reply` has them; problems in a file that the cell imports are placed at
 * its start.
 */
export function problemsOf(diagnostics: TslabDiagnostic[]): Problem[] {
  const problems: Problem[] = [];
  for (const diagnostic of diagnostics) {
    const { category, fileName, start, end, messageText } = diagnostic;
    const place = fileName === undefined ? { start: start.offset, end: end.offset } : { start: 0, end: 0 };
    const message = fileName === undefined ? messageText : said(diagnostic);
    const before = problems.at(-1);
    // The compiler gives its reasons one by one.
    if (before && before.start === place.start && before.end === place.end) before.message += `\n${message}`;
    else problems.push({ ...place, message, severity: category === ERROR ? 'error' : 'warning' });
  }
  return problems;
}

/** How stack traces show a place in a script's code: the name of its file, and the place in the source. */
interface Origin {
  name: () => string;
  /** Undefined for code that is not from the source: its frames are left out. */
  locate: (place: Place) => Place | undefined;
}

/** A frame of a stack, which can be written as V8 writes it. */
interface Frame extends NodeJS.CallSite {
  toString(): string;
}

/** How many origins are kept: a kernel that runs for days forgets the oldest. */
const REMEMBERED = 1000;

const origins = new Map<string, Origin>();
const machinery = [
  fileURLToPath(new URL('..', import.meta.url)),
  'node:internal',
  'node:vm',
  'node_modules/tslab/dist/',
  'node_modules\\tslab\\dist\\',
];

/** From now on, stack traces show the places of this file in its source. */
export function rememberOrigin(file: string, origin: Origin): void {
  origins.delete(file);
  origins.set(file, origin);
  if (origins.size > REMEMBERED) origins.delete(origins.keys().next().value!);
}

const EVAL_ORIGIN = /\((.+):(\d+):(\d+)\)/;

function frame(site: Frame): string | undefined {
  // Code that `eval` runs is shown at the place of the call.
  const [, file = site.getFileName() ?? '', ...called] = EVAL_ORIGIN.exec(site.getEvalOrigin() ?? '') ?? [];
  const [line, column] = called.length > 0 ? called.map(Number) : [site.getLineNumber(), site.getColumnNumber()];
  const origin = origins.get(file);
  if (!origin) return site.toString();
  const place = line === null || column === null ? undefined : origin.locate({ line, column });
  return (
    place &&
    site.toString().replace(`${file}:${line}:${column}`, () => `${origin.name()}:${place.line}:${place.column}`)
  );
}

function headline(error: Error): string {
  try {
    const { name, message } = error as { name: unknown; message: unknown };
    if (typeof name === 'string' && typeof message === 'string') return Error.prototype.toString.call(error);
    return `${asText(name)}: ${asText(message)}`;
  } catch {
    return 'Error'; // its name or message cannot be made into text
  }
}

/**
 * Makes stack traces show the lines of cells as they were written, without the frames of the kernel and of Node below
 * them.
 */
export function repairStackTraces(): void {
  Error.prepareStackTrace = (error: Error, sites: Frame[]) => {
    const told = sites.filter((site) => !machinery.some((part) => site.getFileName()?.includes(part)));
    return [headline(error), ...told.map(frame).filter((line) => line !== undefined)].join('\n    at ');
  };
}
