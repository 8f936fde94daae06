import { createRequire } from 'node:module';
import type Katex from 'katex';
import { UserError } from '../../errors.js';
import { asHtml, markup, type Html } from './markup.js';

// The build of KaTeX that markdown's plugin requires: the one for `import` would be a second copy, half a megabyte more to load.
const katex = createRequire(import.meta.url)('katex') as typeof Katex;

/**
 * How formulas are rendered: none makes a link, or a box larger than the page. What LaTeX itself would not read is
 * shown all the same, and the terminal hears nothing of it.
 */
export const katexOptions = { throwOnError: false, trust: false, strict: 'ignore' as const, maxSize: 100 };

/** The most characters of a formula: what KaTeX needs grows far beyond them, and whoever shares the process waits. */
const LONGEST_FORMULA = 5000;

/** Why a formula is not rendered, though KaTeX could: it would take seconds, and hundreds of megabytes. */
export function faultOfFormula(tex: string): string | undefined {
  if (tex.length <= LONGEST_FORMULA) return undefined;
  return `a formula may have ${LONGEST_FORMULA} characters, and this one has ${tex.length}; divide it into several`;
}

function rendered(tex: string, displayMode: boolean): Html {
  const fault = faultOfFormula(tex);
  if (fault !== undefined) throw new UserError(fault);
  return asHtml(katex.renderToString(tex, { ...katexOptions, displayMode }));
}

/** Renders an output of type text/latex as a displayed formula; the dollars or brackets around it are optional. */
export function renderLatex(source: string): Html {
  const tex = source
    .trim()
    .replace(/^\$\$?([\s\S]*?)\$?\$$/, '$1')
    .replace(/^\\[[(]([\s\S]*)\\[\])]$/, '$1');
  return rendered(tex, true);
}

const formula = /\$\$([^$]+)\$\$|\\\[([^]+?)\\\]|\$(?!\s)([^$\n]*[^$\s\\])\$(?!\d)|\\\(([^]+?)\\\)/g;
const longest = 50_000;

const entities: Record<string, string> = { '&lt;': '<', '&gt;': '>', '&amp;': '&', '&quot;': '"', '&#39;': "'" };

/** The formulas in the text of foreign HTML: the HTML with places held for them, and what belongs there. */
export function formulasIn(html: string): { html: string; parts: Html[] } {
  const parts: Html[] = [];
  if (html.length > longest || !/\$|\\[([]/.test(html)) return { html, parts };
  const place = (found: string, ...groups: (string | undefined)[]): string => {
    const [dollars, bracket, inline, parenthesis] = groups;
    const tex = (dollars ?? bracket ?? inline ?? parenthesis ?? '').replace(
      /&\w+;|&#39;/g,
      (name) => entities[name] ?? name,
    );
    try {
      parts.push(rendered(tex, dollars !== undefined || bracket !== undefined));
    } catch {
      return found;
    }
    return String(markup`<span class="sparsebook-part-${parts.length - 1}"></span>`);
  };
  const pieces = html.split(/(<(script|style|pre|code|textarea|svg)\b[^]*?<\/\2\s*>|<!--[^]*?-->|<[^>]*>)/gi);
  // Every third piece is text; the others are tags, and their names.
  const shown = pieces.map((piece, index) =>
    index % 3 === 0 ? (piece ?? '').replace(formula, place) : index % 3 === 1 ? piece : '',
  );
  return { html: shown.join(''), parts };
}
