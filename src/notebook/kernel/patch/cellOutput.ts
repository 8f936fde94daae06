import { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { UserError } from '../../../errors.js';
import type { Bundle } from '../../display/output.js';
import { tableColumns, tableForms } from '../../display/table.js';
import type { CellRun } from '../cellRun.js';
import { asText } from './failures.js';

type Written = (error?: Error | null) => void;

/** Has what is printed to the process's streams go to the cell that prints it. */
export function captureOutput(printing: () => CellRun | undefined): void {
  for (const name of ['stdout', 'stderr'] as const) {
    const stream = process[name];
    const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
    const decoder = new StringDecoder();
    stream.write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
      const run = printing();
      if (!run) return write(chunk, ...rest);
      run.write(name, typeof chunk === 'string' ? chunk : decoder.write(Buffer.from(chunk)));
      const written = rest.find((argument): argument is Written => typeof argument === 'function');
      if (written) process.nextTick(written);
      return true;
    };
  }
}

/** Has the process's standard input end at once, and the cell that reads it fail: no frontend can send input. */
export function refuseInput(reading: () => CellRun | undefined): void {
  const ending = (): Readable =>
    new Readable({
      read() {
        this.push(null);
        const rule = 'a cell cannot read standard input: no frontend can send it';
        reading()?.stop(
          new UserError(`${rule}. Put the value into a variable of the notebook, or read it from a file`),
        );
      },
    });
  let stream: Readable | undefined;
  Object.defineProperty(process, 'stdin', {
    configurable: true,
    enumerable: true,
    // What has ended does not end again for the next reader.
    get: () => (stream = !stream || stream.readableEnded || stream.destroyed ? ending() : stream),
  });
}

/** The forms in which the value of a cell's last expression is shown. */
export const bundleOf = (value: unknown): Bundle =>
  isFrame(value) ? frameBundle(value) : { 'text/plain': asText(value) };

/** The part of a danfojs DataFrame or Series that a table shows. */
interface Frame {
  columns: string[];
  index: (string | number)[];
  values: unknown[];
  shape: number[];
  head(rows: number): Frame;
  print(): void;
  toString(): string;
}

const ROWS = 60;

function isFrame(value: unknown): value is Frame {
  const { columns, index, values, shape, head, print } = (value ?? {}) as Partial<Frame>;
  return (
    [columns, index, values, shape].every(Array.isArray) && typeof head === 'function' && typeof print === 'function'
  );
}

function frameBundle(frame: Frame): Bundle {
  const rows = frame.index.length;
  const { columns, index, values } = rows > ROWS ? frame.head(ROWS) : frame;
  const table = { columns: ['', ...columns], values: index.map((label, i) => [label, values[i]].flat()) };
  const caption = rows > ROWS ? `the first ${ROWS} of ${rows} rows` : undefined;
  return { ...tableForms(tableColumns(table, {}), caption), 'text/plain': frame.toString() };
}
