import type * as Purify from 'dompurify';
import { createRequire } from 'node:module';
import { sanitizer } from './sanitizer.js';

interface Jsdom {
  JSDOM: new (html: string, options: object) => { window: Purify.WindowLike };
  VirtualConsole: new () => object;
}

let clean: ReturnType<typeof sanitizer> | undefined;

function createSanitizer(): ReturnType<typeof sanitizer> {
  // Half a second to load: only pages that hold HTML wait for it.
  const require = createRequire(import.meta.url);
  const { JSDOM, VirtualConsole } = require('jsdom') as Jsdom;
  const DOMPurify = require('dompurify') as typeof Purify.default;
  return sanitizer(DOMPurify(new JSDOM('', { virtualConsole: new VirtualConsole() }).window));
}

/** What `sanitizer` does, from text to text, where there is no browser. */
export function sanitize(html: string): string {
  // Words alone, as most captions are, need no half second of loading.
  if (!/[<&]/.test(html)) return html;
  clean ??= createSanitizer();
  return clean(html).innerHTML;
}
