import type { Clean } from './machinePaths.js';
import { isObject } from './notebook.js';

const cleaned = new WeakMap<Clean, WeakMap<object, Record<string, unknown>>>();

/**
 * An output's data with every text, also inside JSON, passed through `clean`; images in base64 stay. The same bundle
 * gives the same result, so that who compares sees no change.
 */
export function cleanBundle(bundle: Record<string, unknown>, clean: Clean): Record<string, unknown> {
  const known = cleaned.get(clean) ?? new WeakMap<object, Record<string, unknown>>();
  cleaned.set(clean, known);
  const before = known.get(bundle);
  if (before) return before;
  const result = Object.fromEntries(
    Object.entries(bundle).map(([mime, value]) => [mime, isEncoded(mime) ? value : cleanValue(value, clean)]),
  );
  known.set(bundle, result);
  return result;
}

const isEncoded = (mime: string): boolean => !/^text\/|[+/](json|xml|javascript)$/.test(mime);

function cleanValue(value: unknown, clean: Clean): unknown {
  const clear = (one: unknown): unknown => {
    if (typeof one === 'string') return clean(one);
    if (Array.isArray(one)) return one.map(clear);
    if (!isObject(one)) return one;
    return Object.fromEntries(Object.entries(one).map(([name, entry]) => [name, clear(entry)]));
  };
  try {
    return clear(value);
  } catch (error) {
    // Nested deeper than the stack; no page shows it either.
    if (error instanceof RangeError) return value;
    throw error;
  }
}
