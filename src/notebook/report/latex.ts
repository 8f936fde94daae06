import { createRequire } from 'node:module';
import type Katex from 'katex';

// The build of KaTeX that markdown's plugin requires: the one for `import` would be a second copy, half a megabyte more to load.
const katex = createRequire(import.meta.url)('katex') as typeof Katex;

/** Renders an output of type text/latex as a displayed formula; the dollars or brackets around it are optional. */
export function renderLatex(source: string): string {
  const tex = source
    .trim()
    .replace(/^\$\$?([\s\S]*?)\$?\$$/, '$1')
    .replace(/^\\[[(]([\s\S]*)\\[\])]$/, '$1');
  return katex.renderToString(tex, { displayMode: true, throwOnError: false, trust: false });
}
