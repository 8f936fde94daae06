import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { ResvgRenderOptions } from '@resvg/resvg-js';

/**
 * The fonts that a PNG is drawn with: KaTeX's, which are in the tree anyway, so that an image looks the same on every
 * machine, also on one without a single font. They hold Latin letters, Greek and common signs; a text with anything
 * else falls back to the system's fonts, if it has any.
 */
export function fontsFor(text: string): NonNullable<ResvgRenderOptions['font']> {
  const folder = join(dirname(createRequire(import.meta.url).resolve('katex/package.json')), 'dist', 'fonts');
  const names = [
    'SansSerif-Regular',
    'SansSerif-Bold',
    'SansSerif-Italic',
    'Main-Regular',
    'Math-Italic',
    'AMS-Regular',
  ];
  return {
    loadSystemFonts: !ownCharacters.test(text),
    fontFiles: names.map((name) => join(folder, `KaTeX_${name}.ttf`)),
    defaultFontFamily: fontFamily,
    sansSerifFamily: fontFamily,
  };
}

/** What the fonts above hold, and some more that they need not: spaces, and the minus sign, which `renderPng` replaces. */
const ownCharacters = /^[\s!-_a-~α-ωΓΔΘΛΞΠΣΥΦΨΩ−×±≤≥≈…–—“”‘’√∞∈]*$/u;

/** The family that figures ask for first and that `fontsFor` provides. */
export const fontFamily = 'KaTeX_SansSerif';
