import { types } from 'node:util';
import type { Variable } from '../cellVariables.js';

type About = Omit<Variable, 'name' | 'type'>;

const LONGEST_TYPE = 200;
const LONGEST_TEXT = 120;
const LONGEST_STRING = 80;
const ITEMS = 6;
const DEPTH = 2;
const LARGEST_BIGINT = 10n ** 40n;

/**
 * Describes a variable for a table of variables. It never throws, and runs no code of a value's own (getters, proxies,
 * names of classes), which may take for ever.
 */
export function describeVariable(name: string, declared: string | undefined, value: unknown): Variable {
  const type = shortened(declared?.replace(/import\("[^"]*"\)\./g, '') ?? kindOf(value), LONGEST_TYPE);
  try {
    const about = aboutOf(value);
    return { name, type, ...about, text: shortened(about.text, LONGEST_TEXT) };
  } catch {
    return { name, type, text: '…' };
  }
}

/** Counts the tensors that TensorFlow.js holds, as `tf.memory()` does; undefined if no cell has loaded it. */
export function tensorMemory(): { count: number; bytes: number } | undefined {
  const state = own(own(globalThis, '_tfengine'), 'state');
  const [count, bytes] = [own(state, 'numTensors'), own(state, 'numBytes')];
  return typeof count === 'number' && typeof bytes === 'number' ? { count, bytes } : undefined;
}

function shortened(text: string, longest: number): string {
  const line = text.replace(/\s+/g, ' ');
  return line.length > longest ? `${line.slice(0, longest - 1)}…` : line;
}

/** Whether a value is an object that can be inspected without running code of its own. */
function isObject(value: unknown): value is object {
  return ((typeof value === 'object' && value !== null) || typeof value === 'function') && !types.isProxy(value);
}

/** Returns an object's own property if it is a value, not a getter. */
function own(value: unknown, name: PropertyKey): unknown {
  return isObject(value) ? (Object.getOwnPropertyDescriptor(value, name)?.value as unknown) : undefined;
}

/**
 * Returns a function that reads a property by the language's own getter: a value may have another getter of that name.
 */
const builtIn =
  (prototype: object, name: string) =>
  (value: object): number =>
    Reflect.get(prototype, name, value) as number;

const TypedArray = Object.getPrototypeOf(Uint8Array.prototype) as object;
const lengthOf = builtIn(TypedArray, 'length');
const bytesOf = builtIn(TypedArray, 'byteLength');
const bufferBytes = builtIn(ArrayBuffer.prototype, 'byteLength');
const mapSize = builtIn(Map.prototype, 'size');
const setSize = builtIn(Set.prototype, 'size');

const ELEMENT_BYTES: Record<string, number | undefined> = { float32: 4, int32: 4, bool: 1, complex64: 8 };

function aboutOf(value: unknown): About {
  if (!isObject(value)) return { text: brief(value) };
  const [shape, dtype, size] = [own(value, 'shape'), own(value, 'dtype'), own(value, 'size')];
  if (Array.isArray(shape) && typeof dtype === 'string' && typeof size === 'number' && own(value, 'dataId')) {
    const disposed = own(value, 'isDisposedInternal') === true;
    const each = disposed ? 0 : ELEMENT_BYTES[dtype];
    const text = disposed ? `${dtype}, disposed` : dtype;
    return { shape: shape as number[], size, ...(each === undefined ? {} : { bytes: each * size }), text };
  }
  const [rows, columns, index] = [own(value, '$data'), own(value, '$columns'), own(value, '$index')];
  if (Array.isArray(rows) && Array.isArray(columns) && Array.isArray(index)) {
    const isSeries = own(value, '$isSeries') === true;
    return { shape: isSeries ? [rows.length] : [rows.length, columns.length], text: brief(columns) };
  }
  const text = brief(value);
  if (Array.isArray(value)) return { size: value.length, text };
  if (types.isTypedArray(value)) return { size: lengthOf(value), bytes: bytesOf(value), text };
  if (types.isArrayBuffer(value)) return { bytes: bufferBytes(value), text };
  if (types.isMap(value)) return { size: mapSize(value), text };
  if (types.isSet(value)) return { size: setSize(value), text };
  return { text };
}

/** The name of a value's class or kind. */
function kindOf(value: unknown): string {
  if (isObject(value)) return typeof value === 'function' ? 'Function' : className(value);
  if (types.isProxy(value)) return 'Proxy';
  return value === null ? 'null' : typeof value;
}

function className(value: object): string {
  let prototype = Object.getPrototypeOf(value) as unknown;
  while (isObject(prototype)) {
    const name = own(own(prototype, 'constructor'), 'name');
    if (typeof name === 'string' && name !== '') return name;
    prototype = Object.getPrototypeOf(prototype);
  }
  return 'Object';
}

function brief(value: unknown, depth = DEPTH): string {
  if (typeof value === 'string') {
    return JSON.stringify(value.length > LONGEST_STRING ? `${value.slice(0, LONGEST_STRING)}…` : value);
  }
  // Long numbers take long to convert.
  if (typeof value === 'bigint') return value < LARGEST_BIGINT && value > -LARGEST_BIGINT ? `${value}n` : 'bigint';
  if (Object.is(value, -0)) return '-0';
  const kind = kindOf(value);
  if (!isObject(value)) return kind === 'Proxy' ? kind : String(value);
  if (typeof value === 'function') return `function ${textOf(value, 'name')}`.trimEnd();
  if (types.isNativeError(value)) return `${kind}: ${textOf(value, 'message')}`;
  if (types.isDate(value)) {
    const time = Date.prototype.getTime.call(value);
    return Number.isFinite(time) ? new Date(time).toISOString() : 'Invalid Date';
  }
  if (types.isMap(value)) return `Map(${mapSize(value)})`;
  if (types.isSet(value)) return `Set(${setSize(value)})`;
  const isList = Array.isArray(value) || types.isTypedArray(value);
  const label = kind === 'Array' || kind === 'Object' ? '' : kind;
  if (depth === 0) return label || (isList ? '[…]' : '{…}');
  if (isList) {
    const length = Array.isArray(value) ? value.length : lengthOf(value);
    const items = Array.from({ length: Math.min(length, ITEMS) }, (_, i) => property(value, String(i), depth));
    return `${label} [${items.join(', ')}${length > ITEMS ? ', …' : ''}]`.trimStart();
  }
  const keys = Object.keys(value);
  if (keys.length === 0) return label || '{}';
  const entries = keys.slice(0, ITEMS).map((key) => `${key}: ${property(value, key, depth)}`);
  return `${label} { ${entries.join(', ')}${keys.length > ITEMS ? ', …' : ''} }`.trimStart();
}

function textOf(value: object, name: string): string {
  const text = own(value, name);
  return typeof text === 'string' ? text : '';
}

function property(value: object, key: string, depth: number): string {
  const found = Object.getOwnPropertyDescriptor(value, key);
  if (!found) return '';
  return 'value' in found ? brief(found.value, depth - 1) : '(getter)';
}
