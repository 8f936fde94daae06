import { readFileSync, realpathSync, statSync } from 'node:fs';
import { extname, isAbsolute, relative, resolve, sep } from 'node:path';
import { Latex } from './latex.js';
import type { Html } from './markup.js';
import { sanitize, sanitizeDrawing } from './sanitize.js';

const types: Record<string, string> = {
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.gif': 'image/gif',
  '.webp': 'image/webp',
  '.svg': 'image/svg+xml',
};

const LARGEST = 20_000_000;

/** A function that gives the pictures in a notebook's folder as data: addresses; none from outside of it, and nothing else. */
export function picturesIn(folder: string): (path: string) => string | undefined {
  return (path) => {
    const type = types[extname(path).toLowerCase()];
    if (type === undefined) return undefined;
    try {
      const file = realpathSync(resolve(folder, path));
      const below = relative(realpathSync(folder), file);
      if (isAbsolute(path) || isAbsolute(below) || below.split(sep)[0] === '..') return undefined;
      const stats = statSync(file);
      if (!stats.isFile() || stats.size > LARGEST || types[extname(file).toLowerCase()] !== type) return undefined;
      return `data:${type};base64,${readFileSync(file).toString('base64')}`;
    } catch {
      // There is none of that name, or it may not be read.
      return undefined;
    }
  };
}

export interface OutputPage {
  /** The formulas of all its texts and outputs. */
  latex: Latex;
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
export const outputPage = (folder?: string, latex = new Latex()): OutputPage => ({
  latex,
  figures: 0,
  foreignHtml: sanitize,
  foreignSvg: sanitizeDrawing,
  ...(folder === undefined ? {} : { picture: picturesIn(folder) }),
});
