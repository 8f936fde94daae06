import { grouped } from '../../formats/text.js';
import type { CellFailure } from '../kernel/cellRun.js';
import { terminalText } from './terminalText.js';

/** How much of the output of cells is kept, in characters. A note replaces whatever is left out. */
export interface OutputLimits {
  /** Of a text. */
  text: number;
  /** The number of outputs of one cell. */
  outputs: number;
  /** Of one representation (HTML, an image in base64, a figure's JSON) of an output. */
  representation: number;
  /** Of all outputs of a cell. */
  cell: number;
  /** Of all outputs of a notebook. */
  notebook: number;
}

/** The most that a file may hold; writing it takes about twelve times as much memory. */
export const fileLimits: OutputLimits = {
  text: 1_000_000,
  outputs: 2000,
  representation: 10_000_000,
  cell: 20_000_000,
  notebook: 25_000_000,
};

/** Keeps less of a text than a file can hold, because a page is sent the whole text whenever it grows. */
export const liveLimits: OutputLimits = { ...fileLimits, text: 100_000, outputs: 500 };

/** Deeper structures overflow the stack when they are written or drawn. */
const DEEPEST = 1000;

function isDeep(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > DEEPEST) return true;
    const objects = level.filter((one) => typeof one === 'object' && one !== null);
    level = objects.flatMap((one): unknown[] => (Array.isArray(one) ? one : Object.values(one)));
  }
  return false;
}

/**
 * Returns about how many characters a value takes in a notebook's file; Infinity if it is nested too deeply for one.
 */
export function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.length;
  return isDeep(value) ? Infinity : (JSON.stringify(value) ?? '').length;
}

/**
 * Returns a display's data and metadata within the limits, and the characters that they take. If a representation is
 * too large, a text that says so replaces all but the plain text.
 */
export function limitedDisplay(
  { data, metadata }: { data: Record<string, unknown>; metadata: Record<string, unknown> },
  limits: OutputLimits,
): { data: Record<string, unknown>; metadata: Record<string, unknown>; size: number } {
  const { 'text/plain': text, ...others } = data;
  const words = typeof text === 'string' ? [keptText(text, limits.text)] : [];
  const plain = (...said: string[]): Record<string, string> =>
    said.length > 0 ? { 'text/plain': said.join('\n') } : {};
  const large = Object.entries(others).flatMap(([mime, value]) => {
    const size = sizeOf(value);
    if (size === Infinity) return [`${mime} of more than ${grouped(DEEPEST)} levels`];
    return size > limits.representation ? [`${mime} of ${grouped(size)} characters`] : [];
  });
  const rule = `at most ${grouped(limits.representation)} characters are kept, in ${grouped(DEEPEST)} levels`;
  const kept =
    large.length > 0
      ? plain(`… ${large.join(' and ')} left out: ${rule} …`, ...words)
      : { ...others, ...plain(...words) };
  const about = sizeOf(metadata) > limits.representation ? {} : metadata;
  const size = [...Object.values(kept), about].reduce<number>((sum, one) => sum + sizeOf(one), 0);
  return { data: kept, metadata: about, size };
}

/** Shortens the message and traceback of a failure to the limits. */
export function limitedFailure({ ename, evalue, traceback }: CellFailure, limits: OutputLimits): CellFailure {
  const lines = traceback.length === 0 ? [] : keptText(traceback.join('\n'), limits.text).split('\n');
  return { ename: keptText(ename, limits.text), evalue: keptText(evalue, limits.text), traceback: lines };
}

/**
 * Returns the note that replaces the outputs of a cell beyond the limits: their number and, if known, their characters.
 */
export function furtherOutputs(limits: OutputLimits, count: number, characters?: number): string {
  const size = characters === undefined ? '' : ` (${grouped(characters)} characters)`;
  const rule = `of one cell the first ${grouped(limits.outputs)} are kept, and at most ${grouped(limits.cell)} characters`;
  return `… ${grouped(count)} further output${count === 1 ? ' is' : 's are'} left out${size}: ${rule}, of a notebook ${grouped(limits.notebook)} …`;
}

/**
 * A text that grows. Once it is longer than `limit` characters, only its beginning and end are kept, with a note in
 * between. A progress line that redraws itself counts as its last state.
 */
export class KeptText {
  private head = '';
  private tail = '';
  private missing = 0;

  constructor(private readonly limit: number) {}

  get length(): number {
    return this.head.length + this.tail.length;
  }

  add(text: string): void {
    this.tail += text;
    if (this.tail.length <= this.limit) return;
    this.tail = foldRedrawn(this.tail);
    if (this.tail.length <= this.limit) return;
    const half = Math.floor(this.limit / 2);
    if (this.missing === 0) {
      const end = cutAfter(this.tail, half);
      this.head = this.tail.slice(0, end);
      this.tail = this.tail.slice(end);
    }
    const start = cutAfter(this.tail, this.tail.length - half);
    this.missing += start;
    this.tail = this.tail.slice(start);
  }

  /** The text as a terminal would show it. */
  toString(): string {
    if (this.missing === 0) return terminalText(this.tail);
    const start = Math.max(0, this.tail.length - Math.floor(this.limit / 2));
    const end = this.tail.slice(cutAfter(this.tail, start));
    const missing = grouped(this.missing + this.tail.length - end.length);
    const note = `… ${missing} characters are left out here: of a text longer than ${grouped(this.limit)}, the beginning and the end are kept …`;
    return `${terminalText(this.head)}${this.head.endsWith('\n') ? '' : '\n'}${note}\n${terminalText(end)}`;
  }
}

/** Shortens a text to at most `limit` characters, with a note where text is missing. */
export function keptText(text: string, limit: number): string {
  const kept = new KeptText(limit);
  kept.add(text);
  return kept.toString();
}

/**
 * Drops text that is overwritten for good; text after the last '\r' may still be overwritten, or overwrite other text.
 */
function foldRedrawn(text: string): string {
  const last = text.lastIndexOf('\r');
  return last < 0 ? text : `${terminalText(text.slice(0, last))}${text.slice(last)}`;
}

/**
 * Returns where to cut at or soon after a place: after the end of a line if one is near, and never inside a character.
 */
function cutAfter(text: string, place: number): number {
  if (place <= 0) return 0;
  const lineEnd = text.indexOf('\n', place - 1);
  if (lineEnd >= 0 && lineEnd - place < 1000) return lineEnd + 1;
  const code = text.charCodeAt(place);
  return code >= 0xdc00 && code <= 0xdfff ? place + 1 : place;
}
