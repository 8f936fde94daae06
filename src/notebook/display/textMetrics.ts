import type { Resvg } from '@resvg/resvg-js';
import { fontFamily, fontsFor } from './fonts.js';

/** Measures a line of text: its width in units of the font's size. */
export type LineWidth = (text: string, bold: boolean) => number;

/** Exact widths from the renderer that will draw the text; each takes about 0.1 ms and is measured once. */
export function lineWidths(Renderer: typeof Resvg): LineWidth {
  const known = new Map<string, number>();
  return (text, bold) => {
    const key = `${bold}${text}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    const look = `font-size="100" font-weight="${bold ? 'bold' : 'normal'}" font-family="${fontFamily}"`;
    const svg = `<svg xmlns="http://www.w3.org/2000/svg"><text ${look}>${escape(text)}</text></svg>`;
    const width = (new Renderer(svg, { font: fontsFor(text) }).getBBox()?.width ?? 0) / 100;
    known.set(key, width);
    return width;
  };
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
