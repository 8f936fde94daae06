// What rendering needs of Node: a document to sanitise in, and the files beside a notebook. Nothing else in this folder
// needs it.
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
  JSDOM: new (html: string, options: object) => { window: Purify.WindowLike };
  VirtualConsole: new () => object;
}

let clean: ReturnType<typeof sanitizer> | undefined;
let drawings: Purify.DOMPurify | undefined;

function newPurifier(): Purify.DOMPurify {
  // Half a second to load: only pages that hold HTML wait for it.
  const require = createRequire(import.meta.url);
  const { JSDOM, VirtualConsole } = require('jsdom') as Jsdom;
  const DOMPurify = require('dompurify') as typeof Purify.default;
  return DOMPurify(new JSDOM('', { virtualConsole: new VirtualConsole() }).window);
}

/** Reading what is nested deeper takes time by the square of it; browsers stop at 512. */
const DEEPEST = 1000;
/** Elements that end by themselves where the next begins, or hold nothing. */
const UNENDED =
  /^(area|base|br|col|dd|dt|embed|hr|img|input|li|link|meta|option|p|source|tbody|td|tfoot|th|thead|tr|wbr)$/i;

function refuseDepth(html: string): void {
  let depth = 0;
  for (const [, end, name] of html.matchAll(/<(\/?)([a-z][a-z0-9-]*)/gi)) {
    if (UNENDED.test(name)) continue;
    depth = end === '' ? depth + 1 : Math.max(0, depth - 1);
    if (depth > DEEPEST)
      throw new UserError(`HTML must be nested at most ${DEEPEST} levels deep to be shown; this is deeper`);
  }
}

/**
 * What `sanitizer` does, from text to text, where there is no browser; places that are held for parts get them. Throws
 * a UserError for what is nested without end.
 */
export function sanitize(html: string, parts: readonly Html[] = []): Html {
  // Words alone, as most captions are, need no half second of loading.
  if (!/[<&]/.test(html)) return asHtml(html);
  refuseDepth(html);
  clean ??= sanitizer(newPurifier());
  // Written out, neither text nor an attribute can hold these quotes between these brackets.
  const place = /<span class="sparsebook-part-(\d+)"><\/span>/g;
  return asHtml(clean(html).innerHTML.replace(place, (_place, part: string) => String(parts.at(Number(part)) ?? '')));
}

/**
 * A drawing (an svg element) without what runs. It is for an `img`, in which styles and names are its own: they stay.
 */
export function sanitizeDrawing(svg: string): string {
  refuseDepth(svg);
  drawings ??= newPurifier();
  return drawings.sanitize(svg, { USE_PROFILES: { svg: true, svgFilters: true } });
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
 * A function that gives the images in a notebook's folder as data: addresses; none from outside of it, and nothing
 * else.
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
      // There is none of that name, or it may not be read.
      return undefined;
    }
  };
}

/** A new page, which takes only what is sanitised; `folder` is the notebook's, whose images it may show. */
export const outputPage = (folder?: string, latex = new Latex()): OutputPage => ({
  latex,
  figures: 0,
  maps: new Set(),
  traces: new Set(),
  foreignHtml: sanitize,
  foreignSvg: sanitizeDrawing,
  ...(folder === undefined ? {} : { image: imagesIn(folder) }),
});
