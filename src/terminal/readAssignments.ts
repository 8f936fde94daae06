import { UserError } from '../errors.js';

/** Reads `key=value` words; throws UserError for a word without a key, and for a key given twice. */
export function readAssignments(words: string[]): Record<string, string> {
  const assignments = new Map<string, string>();
  for (const word of words) {
    const equals = word.indexOf('=');
    if (equals < 1) throw new UserError(`a parameter is written key=value, such as lambda_l0=20; received '${word}'`);
    const key = word.slice(0, equals).trim();
    if (assignments.has(key)) throw new UserError(`'${key}' is given twice`);
    assignments.set(key, word.slice(equals + 1));
  }
  return Object.fromEntries(assignments);
}
