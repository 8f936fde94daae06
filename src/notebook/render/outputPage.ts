import type { Latex } from './latex.js';
import { type Html, asHtml, markup } from './markup.js';
import { joined, type Output, faultOfOutput } from '../run/notebook.js';
import { keptText, liveLimits } from '../run/outputLimits.js';

/** What rendering needs from the page that texts and outputs are for. */
export interface OutputPage {
  /** The formulas of all its texts and outputs. */
  latex: Latex;
  /**
   * How many figures it has so far; undefined for a page that numbers figures itself, and draws them without an image
   * first.
   */
  figures: number | undefined;
  /** The maps that its figures are drawn on; undefined for a page that fetches them. */
  maps?: Set<string>;
  /** The types of its figures' traces; undefined for a page that can draw all types. */
  traces?: Set<string>;
  /** Makes HTML of a text or an output safe for the page; `parts` replace their placeholders. */
  foreignHtml(html: string, parts?: readonly Html[]): Html;
  /** Makes a drawing (an svg element) of an output safe for an `img`. */
  foreignSvg(svg: string): string;
  /** Returns an image beside the notebook as a data: address; undefined if there is none. */
  image?(path: string): string | undefined;
}

/**
 * A page that draws figures without an image first, numbers them itself, and sanitises HTML with the browser's document
 * (`showForeignHtml`).
 */
export const inPage = {
  figures: undefined,
  foreignHtml: (html, parts = []) => {
    if (!/[<&]/.test(html)) return asHtml(html);
    return markup`<span data-foreign-html="${html}">${parts.map((part) => markup`<span>${part}</span>`)}</span>`;
  },
  // An `img` runs and loads nothing, whatever it contains.
  foreignSvg: (svg) => svg,
} satisfies Omit<OutputPage, 'latex'>;

/**
 * Shortens an output for such a page: a text of a file may be longer than a run keeps, which is the limit and a note.
 */
export function shortened(output: Output): Output {
  if (faultOfOutput(output) !== undefined || output.output_type !== 'stream') return output;
  const text = joined(output.text);
  return text.length > 2 * liveLimits.text ? { ...output, text: keptText(text, liveLimits.text) } : output;
}
