const LONGEST = 100;

interface Limits {
  /** The contents of objects nested deeper than this are left out. */
  deepest: number;
  widest: number;
}

const usual: Limits = { deepest: 2, widest: 72 };

/**
 * Formats a value that a cell prints much as Node's `console.log` does: strings as they are, other values in JavaScript
 * notation.
 */
export const asText = (value: unknown): string => (typeof value === 'string' ? value : inspected(value));

/**
 * Formats several values as Node's `console.log` does: if the first is a string, `%s` and the like in it are replaced
 * by the next values.
 */
export function asLine(values: readonly unknown[]): string {
  const [first, ...others] = values;
  if (typeof first !== 'string' || others.length === 0) return values.map(asText).join(' ');
  const text = first.replace(/%[sdifjoOc%]/g, (mark) => {
    if (mark === '%%') return '%';
    return others.length === 0 ? mark : formats[mark](others.shift());
  });
  return [text, ...others.map(asText)].join(' ');
}

const number =
  (of: (value: string) => number) =>
  (value: unknown): string =>
    typeof value === 'bigint' ? `${value}n` : asText(typeof value === 'symbol' ? NaN : of(value as string));

const formats: Record<string, (value: unknown) => string> = {
  '%s': (value) => {
    if (typeof value !== 'object' || value === null)
      return Object.is(value, -0) || typeof value === 'bigint' ? inspected(value) : String(value);
    const { toString } = value as { toString?: () => string };
    const isOwn = toString && !/\[native code\]/.test(Function.prototype.toString.call(toString));
    return isOwn ? toString.call(value) : inspected(value, { ...usual, deepest: 0 });
  },
  '%d': number(Number),
  '%i': number(parseInt),
  '%f': number(parseFloat),
  '%j': (value) => String(JSON.stringify(value)),
  '%o': (value) => inspected(value),
  '%O': (value) => inspected(value),
  '%c': () => '',
};

/** Formats a value in JavaScript notation; `depth` is how deep it is nested in other values. */
export function inspected(value: unknown, limits = usual, depth = 0): string {
  if (typeof value === 'string') return `'${value.replace(/[\\']/g, '\\$&').replaceAll('\n', '\\n')}'`;
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return `[Function${value.name && `: ${value.name}`}]`;
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : String(value);
  if (value instanceof Error) return depth > 0 ? `[${String(value)}]` : String(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (value instanceof RegExp || value instanceof Promise)
    return value instanceof RegExp ? String(value) : 'Promise {}';
  const name = (Object.getPrototypeOf(value) as object | null)?.constructor?.name ?? '';
  const list = Array.isArray(value) || ArrayBuffer.isView(value);
  const shown = name === (list ? 'Array' : 'Object') ? '' : `${name}${sizeOf(value)} `;
  if (depth > limits.deepest) return list ? '[Array]' : `[${name || 'Object'}]`;
  const parts = partsOf(value, limits, depth);
  const [open, close] = list ? '[]' : '{}';
  if (parts.length === 0) return `${shown}${open}${close}`;
  const one = `${shown}${open} ${parts.join(', ')} ${close}`;
  const indent = '  '.repeat(depth);
  const wide = one.length + indent.length > limits.widest || one.includes('\n');
  return wide && !isNumbers(value)
    ? `${shown}${open}\n${parts.map((part) => `${indent}  ${part}`).join(',\n')}\n${indent}${close}`
    : one;
}

const isNumbers = (value: object): boolean =>
  ArrayBuffer.isView(value) || (Array.isArray(value) && value.every((one) => typeof one === 'number'));

const sizeOf = (value: object): string => {
  const { size, length } = value as { size?: unknown; length?: unknown };
  const n = size ?? length;
  return typeof n === 'number' ? `(${n})` : '';
};

function partsOf(value: object, limits: Limits, depth: number): string[] {
  const inside = (one: unknown): string => inspected(one, limits, depth + 1);
  const key = (name: string): string => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : inside(name));
  const all =
    value instanceof Map
      ? [...value].map(([one, other]) => `${inside(one)} => ${inside(other)}`)
      : value instanceof Set || Array.isArray(value) || ArrayBuffer.isView(value)
        ? Array.from(value as Iterable<unknown>, inside)
        : Object.entries(value).map(([name, one]) => `${key(name)}: ${inside(one)}`);
  const more = all.length - LONGEST;
  return more > 0 ? [...all.slice(0, LONGEST), `... ${more} more item${more === 1 ? '' : 's'}`] : all;
}
