import type { Latex } from './latex.js';
import type { Html } from './markup.js';

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
