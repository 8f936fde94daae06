import { asTable } from './asTable.js';
import { asLine, inspected } from './asText.js';

type Print = (...values: unknown[]) => void;

/**
 * The methods of `console` that print, for cells of a page: `write` is given what Node's methods would write to its
 * streams. A trace is only its headline, because there are no files whose lines it could name.
 */
export function consoleTo(write: (stream: 'stdout' | 'stderr', text: string) => void): Partial<Console> {
  const counts = new Map<string, number>();
  const starts = new Map<string, number>();
  let indent = '';
  const printTo =
    (stream: 'stdout' | 'stderr'): Print =>
    (...values) =>
      write(stream, `${`${indent}${asLine(values)}`.replaceAll('\n', `\n${indent}`)}\n`);
  const [log, warn] = [printTo('stdout'), printTo('stderr')];
  const group: Print = (...labels) => {
    if (labels.length > 0) log(...labels);
    indent += '  ';
  };
  const logTime = (label: string, values: unknown[] = []): void => {
    const start = starts.get(label);
    if (start === undefined) warn(`Warning: No such label '${label}' for console.time()`);
    else log(`${label}: ${duration(performance.now() - start)}`, ...values);
  };
  return {
    ...{ log, info: log, debug: log, dirxml: log, warn, error: warn, group, groupCollapsed: group },
    dir: (value: unknown) => log(inspected(value)),
    table: (data: unknown, columns?: readonly string[]) => log(asTable(data, columns)),
    groupEnd: () => void (indent = indent.slice(2)),
    assert(holds?: unknown, ...[what, ...values]: unknown[]) {
      if (holds) return;
      if (typeof what === 'string') warn(`Assertion failed: ${what}`, ...values);
      else warn('Assertion failed', ...(what === undefined ? [] : [what]), ...values);
    },
    trace: (...values: unknown[]) => warn(values.length > 0 ? `Trace: ${asLine(values)}` : 'Trace'),
    count(label = 'default') {
      counts.set(label, (counts.get(label) ?? 0) + 1);
      log(`${label}: ${counts.get(label)}`);
    },
    countReset: (label = 'default') => void counts.delete(label),
    time: (label = 'default') => void starts.set(label, performance.now()),
    timeLog: (label = 'default', ...values: unknown[]) => logTime(label, values),
    timeEnd(label = 'default') {
      logTime(label);
      starts.delete(label);
    },
  };
}

const duration = (ms: number): string => (ms < 1000 ? `${Number(ms.toFixed(3))}ms` : `${(ms / 1000).toFixed(3)}s`);
