import { sanitize } from './sanitize.js';

/** The page that outputs are rendered for. */
export interface OutputPage {
  /** How many figures it has so far; undefined for a page that counts by itself, and draws figures without a picture first. */
  figures: number | undefined;
  /** HTML that an output brings along, in a form that is safe in the page. */
  foreignHtml(html: string): string;
  /** A drawing (an svg element) that an output brings along, for an `img`. */
  foreignSvg(svg: string): string;
}

/** A new page, which takes only what is sanitised. */
export const outputPage = (): OutputPage => ({ figures: 0, foreignHtml: sanitize, foreignSvg: sanitize });
