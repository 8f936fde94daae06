import { reasonOf } from '../../errors.js';

export class Html {
  constructor(private readonly text: string) {}

  toString(): string {
    return this.text;
  }
}

/**
 * A value in `markup`: HTML is inserted as it is, text escaped; numbers must be finite; lists are joined; null,
 * undefined and false insert nothing.
 */
export type MarkupPart = Html | string | number | null | undefined | false | readonly MarkupPart[];

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function partOf(part: MarkupPart): string {
  if (part === null || part === undefined || part === false) return '';
  if (typeof part === 'string') return part.replace(/[&<>"']/g, (character) => entities[character] ?? character);
  if (typeof part === 'number') return Number.isFinite(part) ? String(part) : '';
  if (part instanceof Html) return part.toString();
  if (Array.isArray(part)) return part.map(partOf).join('');
  // A value read from a file may have another type than its declaration says.
  throw new TypeError(`HTML must be made of texts, numbers and HTML; received ${typeof part}`);
}

/** Builds HTML with values in content or in quoted attributes, all escaped except those that are HTML already. */
export function markup(literals: TemplateStringsArray, ...parts: MarkupPart[]): Html {
  return new Html(
    literals.map((literal, index) => literal + (index < parts.length ? partOf(parts[index]) : '')).join(''),
  );
}

/** Marks text as HTML: the output of a library that escapes, or of the sanitiser. */
export const asHtml = (text: string): Html => new Html(text);

/** Joins pieces of HTML. */
export function joinedHtml(pieces: readonly MarkupPart[], separator = ''): Html {
  return new Html(pieces.map(partOf).filter(Boolean).join(separator));
}

/** Returns JSON that can neither end the script element that contains it nor open a comment in it. */
export function jsonForScript(value: unknown): Html {
  return new Html(JSON.stringify(value).replace(/</g, '\\u003c'));
}

/** Longer HTML is not split. */
const LONGEST_SPLIT = 50_000;

/**
 * Changes foreign HTML piece by piece: text between tags by `text`; tags, comments, and code, scripts and drawings with
 * their content by `other`.
 */
export function splitHtml(
  html: string,
  text: (piece: string) => string,
  other = (piece: string): string => piece,
): string {
  if (html.length > LONGEST_SPLIT) return other(html);
  const pieces = html.split(/(<(script|style|pre|code|textarea|svg)\b[^]*?<\/\2\s*>|<!--[^]*?-->|<[^>]*>)/gi);
  // Every third piece is text; the others are tags, and their names.
  return pieces.map((piece, index) => [text, other, () => ''][index % 3](piece ?? '')).join('');
}

/** Replaces the addresses of images in foreign HTML by the data: addresses that `image` returns for them. */
export function withImages(html: string, image: (address: string) => string | undefined): string {
  return html.replace(
    /(<img\b[^<>]{0,2000}?\ssrc\s*=\s*)("[^"]*"|'[^']*'|[^\s"'<>]+)/gi,
    (found, start: string, quoted: string) => {
      const data = image(quoted.replace(/^["']|["']$/g, ''));
      return data === undefined ? found : `${start}"${data}"`;
    },
  );
}

/** Returns the text of a type as one string; empty if there is none. */
export function textIn(bundle: Record<string, unknown>, type: string): string {
  const value = bundle[type];
  if (Array.isArray(value)) return value.map(String).join('');
  return typeof value === 'string' ? value : '';
}

/** A notice shows at most this many characters of the value that cannot be shown. */
const longest = 2000;

function asSaved(value: unknown): string {
  if (typeof value === 'string') return value;
  try {
    return JSON.stringify(value, null, 1) ?? '';
  } catch {
    return '';
  }
}

/** Replaces something that cannot be shown: says why, and shows what is saved of it. */
export function notice(what: string, reason: string, saved: unknown): Html {
  const text = asSaved(saved);
  const details =
    text &&
    markup`<details><summary>What is saved</summary><pre>${text.slice(0, longest)}${text.length > longest && ' …'}</pre></details>`;
  return markup`<div class="unshown" role="note"><p>${what} cannot be shown: ${reason}.</p>${details}</div>`;
}

/** Returns why something cannot be shown; a RangeError comes from formulas or values nested deeper than the stack. */
export const whyUnshown = (error: unknown): string =>
  error instanceof RangeError ? 'it is nested too deeply' : reasonOf(error);

/** Returns what a function renders or, if it throws, a notice in its place, so that the rest of the page is shown. */
export function orNotice<T extends Html | undefined>(what: string, saved: unknown, render: () => T): T | Html {
  try {
    return render();
  } catch (error) {
    return notice(what, whyUnshown(error), saved);
  }
}
