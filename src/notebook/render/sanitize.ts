import type * as Purify from 'dompurify';
import { createRequire } from 'node:module';
import { UserError } from '../../errors.js';
import { asHtml, type Html } from './markup.js';
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

/** What `sanitizer` does, from text to text, where there is no browser; places that are held for parts get them. Throws a UserError for what is nested without end. */
export function sanitize(html: string, parts: readonly Html[] = []): Html {
  // Words alone, as most captions are, need no half second of loading.
  if (!/[<&]/.test(html)) return asHtml(html);
  refuseDepth(html);
  clean ??= sanitizer(newPurifier());
  // Written out, neither text nor an attribute can hold these quotes between these brackets.
  const place = /<span class="sparsebook-part-(\d+)"><\/span>/g;
  return asHtml(clean(html).innerHTML.replace(place, (_place, part: string) => String(parts.at(Number(part)) ?? '')));
}

/** A drawing (an svg element) without what runs. It is for an `img`, in which styles and names are its own: they stay. */
export function sanitizeDrawing(svg: string): string {
  refuseDepth(svg);
  drawings ??= newPurifier();
  return drawings.sanitize(svg, { USE_PROFILES: { svg: true, svgFilters: true } });
}
