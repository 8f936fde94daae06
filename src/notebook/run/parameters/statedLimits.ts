import { UserError } from '../../../errors.js';
import type { Parameter, ParameterValue } from './parameter.js';

/** The values of a type such as `'a' | 'b'`; undefined where it has others. */
export function choicesOfType(type = ''): ParameterValue[] | undefined {
  const parts = type.trim().replace(/^\|/, '').split('|');
  const values = parts.map((part): ParameterValue | undefined => {
    const [, text, other] =
      /^\s*(?:'([^'\\]*)'|(-?\d+(?:\.\d+)?|true|false|null))\s*$/.exec(part.replaceAll('"', "'")) ?? [];
    return text ?? (other === undefined ? undefined : (JSON.parse(other) as ParameterValue));
  });
  return values.length > 1 && !values.includes(undefined) ? (values as ParameterValue[]) : undefined;
}

/** The words in quotes of a comment. */
export function quotedIn(comment: string): string[] {
  return [...comment.matchAll(/'([^'\s]+)'/g)].map(([, word]) => word);
}

/** The values of a comment that is nothing but a list of them, `'a', 'b' or 'c'`, the parameter's own among them. */
function choicesOfComment({ value, comment }: Parameter): ParameterValue[] | undefined {
  const isList = /^'[^'\s]+'(?:(?:\s*,\s*|\s+)(?:or\s+)?'[^'\s]+')+[.;]?$/.test(comment);
  const words = quotedIn(comment);
  return isList && words.some((word) => word === value) ? words : undefined;
}

/** The values that a parameter may have, if its type or its comment lists them all. */
export function statedChoices(parameter: Parameter): ParameterValue[] | undefined {
  return choicesOfType(parameter.type) ?? choicesOfComment(parameter);
}

const NUMBER = String.raw`(-?\d+(?:\.\d+)?(?:e-?\d+)?)`;
const RANGE = new RegExp(String.raw`(?:^|\s)(?:${NUMBER}\s*(?:to|–|\.\.)\s*|between\s+${NUMBER}\s+and\s+)${NUMBER}$`);

/** The range of a number, where a part of its comment ends in one: `blocks, 1 to 8`. What it offers to try is none. */
export function statedRange({ value, comment }: Parameter): { min: number; max: number } | undefined {
  if (typeof value !== 'number') return undefined;
  const parts = comment.split(/[;,()]|(?<!\.)\.\s/).map((part) => part.trim().replace(/\.$/, ''));
  for (const part of parts.filter((words) => !/\btry\b/.test(words))) {
    const [, from, between, to] = RANGE.exec(part) ?? [];
    const [min, max] = [Number(from ?? between), Number(to)];
    if (min <= value && value <= max) return { min, max };
  }
  return undefined;
}

/** Throws a UserError for a value that the parameter's type or comment rules out. */
export function requireStated(parameter: Parameter, value: ParameterValue): void {
  const { name } = parameter;
  const choices = statedChoices(parameter);
  const shown = (one: ParameterValue): string => JSON.stringify(one);
  if (choices && !choices.some((choice) => shown(choice) === shown(value))) {
    throw new UserError(
      `'${name}' must be one of ${choices.map(shown).join(', ')}, as the notebook says; received ${shown(value)}`,
    );
  }
  const range = statedRange(parameter);
  if (range && typeof value === 'number' && (value < range.min || value > range.max)) {
    throw new UserError(
      `'${name}' must be from ${range.min} to ${range.max}, as its comment in the notebook says; received ${value}`,
    );
  }
}
