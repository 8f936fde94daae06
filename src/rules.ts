import { UserError } from './errors.js';

/** The values that a setting or an argument may have. */
export interface Rule<T> {
  /** Describes such a value in words that fit after "must be". */
  readonly words: string;
  accepts(value: unknown): value is T;
}

/** Throws a UserError for a value that breaks its rule: `name` must be ..., received .... */
export function check<T>(name: string, value: unknown, rule: Rule<T>): asserts value is T {
  if (rule.accepts(value)) return;
  const received =
    typeof value === 'string' ? `'${value}'` : Array.isArray(value) ? JSON.stringify(value) : String(value);
  throw new UserError(`${name} must be ${rule.words}; received ${received}.`);
}

/** Bounds of a number: `min` and `max` are inclusive, `above` and `below` exclusive. */
export interface Bounds {
  min?: number;
  max?: number;
  above?: number;
  below?: number;
}

function inBounds(value: number, { min, max, above, below }: Bounds): boolean {
  const [low, high] = [min ?? -Infinity, max ?? Infinity];
  return value >= low && value <= high && value > (above ?? -Infinity) && value < (below ?? Infinity);
}

function withBounds(what: string, { min, max, above, below }: Bounds): string {
  const bounds = [
    min === undefined ? [] : [`of at least ${min}`],
    above === undefined ? [] : [`above ${above}`],
    max === undefined ? [] : [`at most ${max}`],
    below === undefined ? [] : [`below ${below}`],
  ].flat();
  return [what, bounds.join(' and ')].filter(Boolean).join(' ');
}

/** A finite number within bounds. */
export const number = (bounds: Bounds = {}): Rule<number> => ({
  words: withBounds('a number', bounds),
  accepts: (value): value is number => Number.isFinite(value) && inBounds(value as number, bounds),
});

/** A whole number within bounds. */
export const wholeNumber = (bounds: Bounds = {}): Rule<number> => ({
  words: withBounds('a whole number', bounds),
  accepts: (value): value is number => Number.isSafeInteger(value) && inBounds(value as number, bounds),
});

/** true or false. */
export const flag: Rule<boolean> = {
  words: 'true or false',
  accepts: (value): value is boolean => typeof value === 'boolean',
};

/** One of a few words. */
export const oneOf = <const Choice extends string>(...choices: Choice[]): Rule<Choice> => ({
  words: `one of ${choices.join(', ')}`,
  accepts: (value): value is Choice => choices.some((choice) => choice === value),
});

/** A text that is not empty; `words` describes which kind. */
export const text = (words: string): Rule<string> => ({
  words,
  accepts: (value): value is string => typeof value === 'string' && value !== '',
});

/** A list whose elements all satisfy a rule. */
export const listOf = <T>(element: Rule<T>): Rule<T[]> => ({
  words: `a list, each ${element.words}`,
  accepts: (value): value is T[] => Array.isArray(value) && value.every((each) => element.accepts(each)),
});

/** A list of distinct elements that all satisfy a rule. */
export const setOf = <T extends string>(element: Rule<T>): Rule<T[]> => {
  const list = listOf(element);
  return {
    words: `${list.words}, none of them twice`,
    accepts: (value): value is T[] => list.accepts(value) && new Set(value).size === value.length,
  };
};

/** A value that a rule allows, or null, whose meaning is `meaning`. */
export const orNull = <T>(rule: Rule<T>, meaning: string): Rule<T | null> => ({
  words: `${rule.words}, or null for ${meaning}`,
  accepts: (value): value is T | null => value === null || rule.accepts(value),
});
