import type { Figure } from '../../plots/theme.js';
import { type Bundle, type BundleMetadata, cellRunner, display } from './output.js';
import { sizeOf, type PngOptions } from './pngOptions.js';
import { renderPng } from './renderPng.js';

/** How a figure is shown. */
export interface ShowOptions extends PngOptions {
  /** A line of Markdown below the figure that says what to look for. */
  caption?: string;
}

/**
 * Shows a figure below the cell, as plotly JSON, a PNG and a sentence of text, and its caption. Outside of a notebook
 * it prints the sentence and the caption.
 */
export function show(figure: Figure, { caption, ...png }: ShowOptions = {}): void {
  display(figureBundle(figure, png), figureMetadata(figure, png));
  if (caption !== undefined) display({ 'text/markdown': `*${caption}*`, 'text/plain': caption });
}

/** How a live figure is shown: the size of its PNG, and how often it may change. */
export interface LiveFigureOptions extends PngOptions {
  /**
   * The minimum number of milliseconds between two updates; default 250. Of the updates that come sooner, the newest is
   * sent once that time has passed.
   */
  interval?: number;
  /**
   * Whether the PNG is drawn at once; default true. Use false for a figure that will be updated: `done` then draws the
   * PNG.
   */
  final?: boolean;
}

/** A figure on display. */
export interface FigureView {
  /**
   * Replaces the figure in place, without a PNG, which takes longer to draw than everything else. `final: true` marks
   * the last update, which is sent immediately and with a PNG.
   */
  update(figure: Figure, options?: { final?: boolean }): void;
  /** Sends the waiting update, if any, and draws the PNG of the last one. Call it after the last update. */
  done(): void;
}

/** Shows a figure below the cell like `show`; the view's `update` replaces it in place. */
export function liveFigure(figure: Figure, options: LiveFigureOptions = {}): FigureView {
  const { interval = 250, final = true } = options;
  let latest = figure;
  let complete = final;
  let lastSent = Date.now();
  let waiting: NodeJS.Timeout | undefined;
  const handle = display(figureBundle(figure, final ? options : null), figureMetadata(figure, options));

  const send = (withPng: boolean): void => {
    clearTimeout(waiting);
    waiting = undefined;
    lastSent = Date.now();
    complete = withPng;
    handle.update(figureBundle(latest, withPng ? options : null), figureMetadata(latest, options));
  };
  const done = (): void => {
    if (!complete) send(true);
  };
  return {
    update(next, { final: last = false } = {}) {
      latest = next;
      complete = false;
      if (last) done();
      else if (Date.now() - lastSent >= interval) send(false);
      else waiting ??= setTimeout(send, interval - (Date.now() - lastSent), false);
    },
    done,
  };
}

/**
 * A figure as one output in several forms: interactive (plotly), a sentence of text and a PNG, unless `png` is null or
 * the program that runs the cell draws figures itself.
 */
export function figureBundle({ data, layout, frames }: Figure, png: PngOptions | null): Bundle {
  const bundle: Bundle = {
    'application/vnd.plotly.v1+json': {
      data,
      layout,
      ...(frames && { frames }),
      config: { responsive: true, displaylogo: false },
    },
    'text/plain': inWords(layout),
  };
  if (png && !cellRunner()?.drawsFigures) {
    try {
      bundle['image/png'] = renderPng({ data, layout }, png).toString('base64');
    } catch (error) {
      console.warn(`the figure "${layout.title.text}" is shown without an image: ${String(error)}`);
    }
  }
  return bundle;
}

/** The display size of a figure's image (the PNG itself has more pixels) and its alternative text. */
function figureMetadata({ layout }: Figure, png: PngOptions): BundleMetadata {
  return { 'image/png': { ...sizeOf(layout, png), alt: inWords(layout) } };
}

function inWords({ title, meta }: Figure['layout']): string {
  return `${title.text}. ${meta.alt}`;
}
