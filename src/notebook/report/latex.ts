import katex from 'katex';

/** Renders an output of type text/latex as a displayed formula; the dollars or brackets around it are optional. */
export function renderLatex(source: string): string {
  const tex = source
    .trim()
    .replace(/^\$\$?([\s\S]*?)\$?\$$/, '$1')
    .replace(/^\\[[(]([\s\S]*)\\[\])]$/, '$1');
  return katex.renderToString(tex, { displayMode: true, throwOnError: false, trust: false });
}
