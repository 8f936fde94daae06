import type { Html } from './markup.js';
import { picturesIn } from './picturesIn.js';
import { sanitize, sanitizeDrawing } from './sanitize.js';

/** The page that outputs are rendered for. */
export interface OutputPage {
  /** How many figures it has so far; undefined for a page that counts by itself, and draws figures without a picture first. */
  figures: number | undefined;
  /** HTML that a text or an output brings along, in a form that is safe in the page; `parts` stand where places are held for them. */
  foreignHtml(html: string, parts?: readonly Html[]): Html;
  /** A drawing (an svg element) that an output brings along, for an `img`. */
  foreignSvg(svg: string): string;
  /** A picture that lies beside the notebook, as a data: address; undefined where there is none. */
  picture?(path: string): string | undefined;
}

/** A new page, which takes only what is sanitised; `folder` is the notebook's, whose pictures it may show. */
export const outputPage = (folder?: string): OutputPage => ({
  figures: 0,
  foreignHtml: sanitize,
  foreignSvg: sanitizeDrawing,
  ...(folder === undefined ? {} : { picture: picturesIn(folder) }),
});
