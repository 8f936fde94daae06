import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Resvg, ResvgRenderOptions } from '@resvg/resvg-js';
import { markup } from '../render/markup.js';

/**
 * Returns the fonts for drawing a PNG: KaTeX's, which are installed anyway, so that an image looks the same on every
 * machine. A text with letters that they lack falls back to the system's fonts, if there are any.
 */
export function fontsFor(text: string): NonNullable<ResvgRenderOptions['font']> {
  const folder = join(dirname(createRequire(import.meta.url).resolve('katex/package.json')), 'dist', 'fonts');
  const sans = ['SansSerif-Regular', 'SansSerif-Bold', 'SansSerif-Italic'];
  const names = [...sans, 'Main-Regular', 'Math-Italic', 'AMS-Regular'];
  return {
    loadSystemFonts: !ownCharacters.test(text),
    fontFiles: names.map((name) => join(folder, `KaTeX_${name}.ttf`)),
    defaultFontFamily: fontFamily,
    sansSerifFamily: fontFamily,
  };
}

/**
 * The characters in the fonts above, and some that they need not have: spaces, and the minus sign, which `renderPng`
 * replaces.
 */
const ownCharacters = /^[\s!-_a-~α-ωΓΔΘΛΞΠΣΥΦΨΩ−×±≤≥≈…–—“”‘’√∞∈]*$/u;

/** The family that figures ask for first and that `fontsFor` provides. */
export const fontFamily = 'KaTeX_SansSerif';

export type LineWidth = (text: string, bold: boolean) => number;

/**
 * Measures exact widths with the renderer that will draw the text; each takes about 0.1 ms and is measured only once.
 */
export function lineWidths(Renderer: typeof Resvg): LineWidth {
  const known = new Map<string, number>();
  return (text, bold) => {
    const key = `${bold}${text}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    const look = `font-size="100" font-weight="${bold ? 'bold' : 'normal'}" font-family="${fontFamily}"`;
    const svg = `<svg xmlns="http://www.w3.org/2000/svg"><text ${look}>${String(markup`${text}`)}</text></svg>`;
    const width = (new Renderer(svg, { font: fontsFor(text) }).getBBox()?.width ?? 0) / 100;
    known.set(key, width);
    return width;
  };
}
