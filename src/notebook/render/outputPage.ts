import type { Latex } from './latex.js';
import { type Html, asHtml, markup } from './markup.js';
import { joined, type Output, faultOfOutput } from '../run/notebook.js';
import { keptText, liveLimits } from '../run/outputLimits.js';

/** What rendering asks of the page that texts and outputs are for. */
export interface OutputPage {
  /** The formulas of all its texts and outputs. */
  latex: Latex;
  /**
   * How many figures it has so far; undefined for a page that counts by itself, and draws figures without an image
   * first.
   */
  figures: number | undefined;
  /** The maps that its figures are drawn on; undefined for a page that fetches them. */
  maps?: Set<string>;
  /** The types of its figures' traces; undefined for a page that can draw all. */
  traces?: Set<string>;
  /**
   * HTML that a text or an output brings along, in a form that is safe in the page; `parts` stand where places are held
   * for them.
   */
  foreignHtml(html: string, parts?: readonly Html[]): Html;
  /** A drawing (an svg element) that an output brings along, for an `img`. */
  foreignSvg(svg: string): string;
  /** An image that lies beside the notebook, as a data: address; undefined where there is none. */
  image?(path: string): string | undefined;
}

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
