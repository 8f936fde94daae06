import { terminalText } from './terminalText.js';

/**
 * A text that grows and of which, once it is longer than `limit` characters, only the beginning and the end are kept, with
 * a note in between that says how much is missing. A progress line that redraws itself counts as its last state.
 */
export class KeptText {
  private head = '';
  private tail = '';
  private missing = 0;

  constructor(private readonly limit: number) {}

  /** The characters that are kept. */
  get length(): number {
    return this.head.length + this.tail.length;
  }

  /** Takes what comes next. */
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

const grouped = (count: number): string => count.toLocaleString('en-US');

/** The text of at most `limit` characters with a note where more is missing. */
export function keptText(text: string, limit: number): string {
  const kept = new KeptText(limit);
  kept.add(text);
  return kept.toString();
}

/** What is overwritten for good is dropped; what comes after the last '\r' may still be overwritten, or overwrite. */
function foldRedrawn(text: string): string {
  const last = text.lastIndexOf('\r');
  return last < 0 ? text : `${terminalText(text.slice(0, last))}${text.slice(last)}`;
}

/** Where to cut at or soon after a place: behind a line's end if there is one near, and never through a character. */
function cutAfter(text: string, place: number): number {
  if (place <= 0) return 0;
  const lineEnd = text.indexOf('\n', place - 1);
  if (lineEnd >= 0 && lineEnd - place < 1000) return lineEnd + 1;
  const code = text.charCodeAt(place);
  return code >= 0xdc00 && code <= 0xdfff ? place + 1 : place;
}
