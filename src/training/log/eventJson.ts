import type { TrainingEvent } from '../events.js';

/** An event and when it was logged, in milliseconds since 1970. */
export type LoggedEvent = TrainingEvent & { time: number };

const words = new Set(['NaN', 'Infinity', '-Infinity']);
const aWord = /"(NaN|-?Infinity)"/;

/** An event as one line of JSON. Numbers that JSON does not have are written as the words NaN, Infinity, -Infinity. */
export function eventLine(event: LoggedEvent): string {
  const text = JSON.stringify(event, (_, value: unknown) =>
    typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
  );
  return `${text}\n`;
}

/** The event of a line; undefined for a line that is not one, such as a last one that was cut off. */
export function parseEventLine(line: string): LoggedEvent | undefined {
  try {
    const number = (_: string, value: unknown): unknown =>
      typeof value === 'string' && words.has(value) ? Number(value) : value;
    // Asked for each value, which takes three times as long, only where there is such a word.
    const event: unknown = JSON.parse(line, aWord.test(line) ? number : undefined);
    const { type, time } = Object(event) as Partial<LoggedEvent>;
    return typeof type === 'string' && typeof time === 'number' ? (event as LoggedEvent) : undefined;
  } catch {
    return undefined;
  }
}
