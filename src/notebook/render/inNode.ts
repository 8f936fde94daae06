// What rendering needs of Node: a document to sanitise in, and the files beside a notebook. Nothing else in this folder
// needs Node.
import type * as Purify from 'dompurify';
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname, isAbsolute, relative, resolve, sep } from 'node:path';
import { UserError } from '../../errors.js';
import { Latex } from './latex.js';
import { asHtml, type Html } from './markup.js';
import type { OutputPage } from './outputPage.js';
import { sanitizer } from './sanitizer.js';

interface Jsdom {
  JSDOM: new (html: string, options: object) => { window: Purify.WindowLike & { XMLSerializer: typeof XMLSerializer } };
  VirtualConsole: new () => object;
}

interface Purifier {
  purifier: Purify.DOMPurify;
  /** Converts an element to XML: its HTML may contain entities, such as `&nbsp;`, that XML does not know. */
  toXml: (element: Element) => string;
}

let clean: ReturnType<typeof sanitizer> | undefined;
let drawings: Purifier | undefined;

function newPurifier(): Purifier {
  // Loading takes half a second: only pages with HTML wait for it.
  const require = createRequire(import.meta.url);
  const { JSDOM, VirtualConsole } = require('jsdom') as Jsdom;
  const DOMPurify = require('dompurify') as typeof Purify.default;
  const { window } = new JSDOM('', { virtualConsole: new VirtualConsole() });
  return { purifier: DOMPurify(window), toXml: (element) => new window.XMLSerializer().serializeToString(element) };
}

/** The deepest nesting that is read: the time to read it grows with the square of its depth. Browsers stop at 512. */
const DEEPEST = 1000;
/** The maximum number of attributes of a tag: the time to read them grows with the square of their number. */
const MOST_ATTRIBUTES = 2000;
/** Elements that need no end tag: they end where the next one begins, or are empty. */
const UNENDED =
  /^(area|base|br|col|dd|dt|embed|hr|img|input|li|link|meta|option|p|source|tbody|td|tfoot|th|thead|tr|wbr)$/i;
/** An attribute, as an HTML parser finds it in a tag. */
const ATTRIBUTE = /[\s/]*[^\s/>][^\s/>=]*(?:\s*=\s*(?:"[^"]*"?|'[^']*'?|[^\s>"'][^\s>]*)?)?/y;

function refuseEndless(html: string): void {
  const tag = /<(\/?)([a-z][a-z0-9-]*)/gi;
  let depth = 0;
  for (let found = tag.exec(html); found !== null; found = tag.exec(html)) {
    const [, end, name] = found;
    ATTRIBUTE.lastIndex = tag.lastIndex;
    for (let count = 0; ATTRIBUTE.test(html); count++) {
      tag.lastIndex = ATTRIBUTE.lastIndex;
      if (count === MOST_ATTRIBUTES)
        throw new UserError(
          `a tag of HTML must have at most ${MOST_ATTRIBUTES} attributes to be shown; <${name}> has more`,
        );
    }
    if (UNENDED.test(name)) continue;
    depth = end === '' ? depth + 1 : Math.max(0, depth - 1);
    if (depth > DEEPEST)
      throw new UserError(`HTML must be nested at most ${DEEPEST} levels deep to be shown; this is deeper`);
  }
}

/**
 * Does what `sanitizer` does, from text to text, without a browser, and replaces placeholders by their parts. Throws a
 * UserError for HTML that is nested too deeply or has too many attributes in a tag.
 */
export function sanitize(html: string, parts: readonly Html[] = []): Html {
  // Plain words, as in most captions, need no half second of loading.
  if (!/[<&]/.test(html)) return asHtml(html);
  refuseEndless(html);
  clean ??= sanitizer(newPurifier().purifier);
  // In serialised HTML, neither text nor an attribute can contain these quotes between these brackets.
  const place = /<span class="sparsebook-part-(\d+)"><\/span>/g;
  return asHtml(clean(html).innerHTML.replace(place, (_place, part: string) => String(parts.at(Number(part)) ?? '')));
}

/** Characters that XML does not allow. */
const NOT_IN_XML = /[\x00-\x08\v\f\x0e-\x1f\ufffe\uffff]/g;

/**
 * Returns the first drawing (an svg element) of a text as XML, without anything that runs; empty if there is none. It
 * is for an `img`, where styles and names affect nothing else: they stay.
 */
export function sanitizeDrawing(svg: string): string {
  refuseEndless(svg);
  drawings ??= newPurifier();
  const { purifier, toXml } = drawings;
  const body = purifier.sanitize(svg, { USE_PROFILES: { svg: true, svgFilters: true }, RETURN_DOM: true });
  const drawing = (body as HTMLElement).querySelector('svg');
  return drawing ? toXml(drawing).replace(NOT_IN_XML, '') : '';
}

const types: Record<string, string> = {
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.gif': 'image/gif',
  '.webp': 'image/webp',
  '.svg': 'image/svg+xml',
};

const LARGEST = 20_000_000;

/**
 * Returns a function that reads the images in a notebook's folder as data: addresses; it returns undefined for files
 * outside of the folder and for all other files.
 */
export function imagesIn(folder: string): (path: string) => string | undefined {
  return (path) => {
    const type = types[extname(path).toLowerCase()];
    if (type === undefined) return undefined;
    try {
      const file = realpathSync(resolve(folder, path));
      const below = relative(realpathSync(folder), file);
      if (isAbsolute(path) || isAbsolute(below) || below.split(sep)[0] === '..') return undefined;
      const stats = statSync(file);
      if (!stats.isFile() || stats.size > LARGEST || types[extname(file).toLowerCase()] !== type) return undefined;
      return `data:${type};base64,${readFileSync(file).toString('base64')}`;
    } catch {
      // There is no such file, or it may not be read.
      return undefined;
    }
  };
}

/**
 * Creates a page that accepts only sanitised HTML; `folder` is the notebook's folder, whose images the page may show.
 */
export const outputPage = (folder?: string, latex = new Latex()): OutputPage => ({
  latex,
  figures: 0,
  maps: new Set(),
  traces: new Set(),
  foreignHtml: sanitize,
  foreignSvg: sanitizeDrawing,
  ...(folder === undefined ? {} : { image: imagesIn(folder) }),
});
