import { reasonOf } from '../../errors.js';

export class Html {
  constructor(private readonly text: string) {}

  toString(): string {
    return this.text;
  }
}

/**
 * What may stand in `markup`: HTML as it is, text escaped, a finite number, lists of these; null, undefined and false
 * are nothing.
 */
export type MarkupPart = Html | string | number | null | undefined | false | readonly MarkupPart[];

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function partOf(part: MarkupPart): string {
  if (part === null || part === undefined || part === false) return '';
  if (typeof part === 'string') return part.replace(/[&<>"']/g, (character) => entities[character] ?? character);
  if (typeof part === 'number') return Number.isFinite(part) ? String(part) : '';
  if (part instanceof Html) return part.toString();
  if (Array.isArray(part)) return part.map(partOf).join('');
  // What was read from a file may have another type than its declaration says.
  throw new TypeError(`HTML must be made of texts, numbers and HTML; received ${typeof part}`);
}

/** HTML with values in it, in content or in quoted attributes, all escaped but what is HTML already. */
export function markup(literals: TemplateStringsArray, ...parts: MarkupPart[]): Html {
  return new Html(
    literals.map((literal, index) => literal + (index < parts.length ? partOf(parts[index]) : '')).join(''),
  );
}

/** Takes text for HTML: the work of a library that escapes, or of the sanitiser. */
export const asHtml = (text: string): Html => new Html(text);

/** Pieces of HTML one after another. */
export function joinedHtml(pieces: readonly MarkupPart[], separator = ''): Html {
  return new Html(pieces.map(partOf).filter(Boolean).join(separator));
}

/** JSON that cannot end, or open a comment in, the script element that carries it. */
export function jsonForScript(value: unknown): Html {
  return new Html(JSON.stringify(value).replace(/</g, '\\u003c'));
}

/** Longer HTML is not looked into. */
const LONGEST_SPLIT = 50_000;

/**
 * Pieces of foreign HTML, those between tags changed by `text`, but in code, scripts and drawings; tags, comments and
 * all that is in these by `other`.
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

/** Foreign HTML whose images are in it, where `image` knows them by their addresses. */
export function withImages(html: string, image: (address: string) => string | undefined): string {
  return html.replace(
    /(<img\b[^<>]{0,2000}?\ssrc\s*=\s*)("[^"]*"|'[^']*'|[^\s"'<>]+)/gi,
    (found, start: string, quoted: string) => {
      const data = image(quoted.replace(/^["']|["']$/g, ''));
      return data === undefined ? found : `${start}"${data}"`;
    },
  );
}

/** The text under a type, as one string; empty where there is none. */
export function textIn(bundle: Record<string, unknown>, type: string): string {
  const value = bundle[type];
  if (Array.isArray(value)) return value.map(String).join('');
  return typeof value === 'string' ? value : '';
}

/** Of what cannot be shown, at most this many characters stand below the notice. */
const longest = 2000;

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

/** Why something cannot be shown; what is deeper than the stack is a formula, or a value in values. */
export const whyUnshown = (error: unknown): string =>
  error instanceof RangeError ? 'it is nested too deeply' : reasonOf(error);

/** What a function renders or, where it throws, a notice in its place: the rest of the page goes on. */
export function orNotice<T extends Html | undefined>(what: string, saved: unknown, render: () => T): T | Html {
  try {
    return render();
  } catch (error) {
    return notice(what, whyUnshown(error), saved);
  }
}
