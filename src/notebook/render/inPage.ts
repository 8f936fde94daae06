import { joined, type Output, faultOfOutput } from '../run/notebook.js';
import { keptText, liveLimits } from '../run/outputLimits.js';
import { asHtml, markup } from './markup.js';
import type { OutputPage } from './outputPage.js';

/**
 * A page that draws figures without an image first, counts them itself, and sanitises with the document that is there
 * already (`showForeignHtml`).
 */
export const inPage = {
  figures: undefined,
  foreignHtml: (html, parts = []) => {
    if (!/[<&]/.test(html)) return asHtml(html);
    return markup`<span data-foreign-html="${html}">${parts.map((part) => markup`<span>${part}</span>`)}</span>`;
  },
  // An `img` runs and loads nothing, whatever it holds.
  foreignSvg: (svg) => svg,
} satisfies Omit<OutputPage, 'latex'>;

/**
 * An output as such a page takes it: a text of a file may be longer than one that a run keeps, which is its limit and a
 * note.
 */
export function shortened(output: Output): Output {
  if (faultOfOutput(output) !== undefined || output.output_type !== 'stream') return output;
  const text = joined(output.text);
  return text.length > 2 * liveLimits.text ? { ...output, text: keptText(text, liveLimits.text) } : output;
}
