import { UserError } from '../../errors.js';
import { markup, type Html } from './markup.js';

/** Of what cannot be shown, at most this many characters stand below the notice. */
const longest = 2000;

function reasonOf(error: unknown): string {
  if (error instanceof UserError) return error.message;
  // Deeper than the stack: a formula, or a value in values.
  if (error instanceof RangeError) return 'it is nested too deeply';
  return error instanceof Error ? error.message : 'it has a form that nothing here can read';
}

function asSaved(value: unknown): string {
  if (typeof value === 'string') return value;
  try {
    return JSON.stringify(value, null, 1) ?? '';
  } catch {
    return '';
  }
}

/** What stands in the place of something that cannot be shown: why, and what is saved of it. */
export function notice(what: string, reason: string, saved: unknown): Html {
  const text = asSaved(saved);
  const details =
    text &&
    markup`<details><summary>What is saved</summary><pre>${text.slice(0, longest)}${text.length > longest && ' …'}</pre></details>`;
  return markup`<div class="unshown" role="note"><p>${what} cannot be shown: ${reason}.</p>${details}</div>`;
}

/** What a function renders or, where it throws, a notice in its place: the rest of the page goes on. */
export function orNotice<T extends Html | undefined>(what: string, saved: unknown, render: () => T): T | Html {
  try {
    return render();
  } catch (error) {
    return notice(what, reasonOf(error), saved);
  }
}
