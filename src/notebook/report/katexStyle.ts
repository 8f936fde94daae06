import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const folder = dirname(createRequire(import.meta.url).resolve('katex/dist/katex.min.css'));

/**
 * KaTeX's style sheet for a page, with the fonts its formulas use inlined as WOFF2 and all others left out; empty when the
 * page has no formula. All fonts together would be 350 kB, the usual ones are half of that.
 */
export function katexStyle(html: string): string {
  if (!html.includes('class="katex')) return '';
  const css = readFileSync(join(folder, 'katex.min.css'), 'utf8');
  const [faces, rules] = [css.match(/@font-face\{[^}]*\}/g) ?? [], css.replace(/@font-face\{[^}]*\}/g, '')];
  const classes = new Set([...html.matchAll(/class="([^"]*)"/g)].flatMap((match) => match[1].split(' ')));
  const used = new Set(['KaTeX_Main', 'KaTeX_Math']);
  for (const [, selectors = '', family = ''] of rules.matchAll(/([^{}]*)\{[^}]*font-family:(KaTeX_\w+)[^}]*\}/g)) {
    const wanted = selectors
      .split(',')
      .some((selector) => [...selector.matchAll(/\.([\w-]+)/g)].every(([, name]) => classes.has(name)));
    if (wanted) used.add(family);
  }
  const inlined = faces
    .filter((face) => used.has(/font-family:(\w+)/.exec(face)?.[1] ?? ''))
    .map((face) =>
      face.replace(/src:url\(fonts\/([^)]+\.woff2)\)[^;}]*/, (_, file: string) => {
        const data = readFileSync(join(folder, 'fonts', file)).toString('base64');
        return `src:url(data:font/woff2;base64,${data}) format("woff2")`;
      }),
    );
  return inlined.join('') + rules;
}
