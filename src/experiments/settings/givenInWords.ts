import { parse } from 'yaml';
import { readAssignments } from '../../formats/text.js';
import type { Given } from './given.js';

function valueIn(text: string): unknown {
  try {
    const value: unknown = parse(text, { logLevel: 'error' });
    const isPlain = value === null || ['number', 'boolean'].includes(typeof value) || Array.isArray(value);
    // Any other text means itself, with the # and the spaces that YAML would take away.
    return isPlain ? value : text;
  } catch {
    return text;
  }
}

/**
 * Reads `key=value` words of a command line; numbers, true, false, null and [lists] are written as in YAML. Throws a
 * UserError for a word without a key and for a key given twice.
 */
export function givenInWords(words: string[]): Given[] {
  return Object.entries(readAssignments(words)).map(([name, text]) => ({ name, value: valueIn(text), text }));
}
