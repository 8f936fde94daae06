import { closest } from 'fastest-levenshtein';
import { UserError } from '../errors.js';

/** What a setting may be: number (with bounds), flag, or list of whole numbers; `help` says it in a sentence. */
export interface SettingRule {
  help: string;
  /** Least value allowed. */
  min?: number;
  /** Largest value allowed. */
  max?: number;
  /** Whether the bounds themselves are out. */
  open?: boolean;
  /** Whole numbers only. */
  whole?: boolean;
}

const kind = (value: unknown): string => (Array.isArray(value) ? 'list' : typeof value);

function bounds({ min, max, open }: SettingRule): string {
  const parts = [
    min === undefined ? '' : `${open ? 'above' : 'at least'} ${min}`,
    max === undefined ? '' : `${open ? 'below' : 'at most'} ${max}`,
  ];
  return parts.filter(Boolean).join(' and ');
}

function allowed(
  value: number,
  { min = -Infinity, max = Infinity, open = false, whole = false }: SettingRule,
): boolean {
  if (!Number.isFinite(value) || (whole && !Number.isInteger(value))) return false;
  return open ? value > min && value < max : value >= min && value <= max;
}

/**
 * Settings written out in full: the defaults, with what was given in their place.
 *
 * Throws a UserError for a name that does not exist (offering the nearest), for a value of another type than its
 * default's, and for one outside its rule.
 */
export function settle<S extends object>(
  defaults: S,
  given: Partial<S>,
  rules: Readonly<Record<keyof S & string, SettingRule>>,
): S {
  const names = Object.keys(rules) as (keyof S & string)[];
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    if (!(name in rules)) {
      throw new UserError(
        `There is no setting '${name}'; did you mean '${closest(name, names)}'? All: ${names.join(', ')}.`,
      );
    }
    const key = name as keyof S & string;
    const rule = rules[key];
    if (kind(value) !== kind(defaults[key])) {
      throw new UserError(
        `${name} must be a ${kind(defaults[key])} such as ${JSON.stringify(defaults[key])}; received ${JSON.stringify(value)}.`,
      );
    }
    const numbers: unknown[] = Array.isArray(value) ? value : [value];
    if (numbers.some((number) => typeof number === 'number' && !allowed(number, rule))) {
      const wanted = [rule.whole ? 'a whole number' : 'a number', bounds(rule)].filter(Boolean).join(' ');
      throw new UserError(`${name} must be ${wanted}; received ${JSON.stringify(value)}. It is ${rule.help}.`);
    }
  }
  const present = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(present) };
}
