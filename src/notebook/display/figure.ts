import type { Figure } from '../../plots/theme.js';
import { type Bundle, type BundleMetadata, cellRunner, display } from './output.js';
import { sizeOf, type PngOptions } from './pngOptions.js';
import { renderPng } from './renderPng.js';

/** How a figure is shown. */
export interface ShowOptions extends PngOptions {
  /** A line of Markdown below it that says what to see. */
  caption?: string;
}

/**
 * Shows a figure below the cell: plotly, an image (PNG) and a sentence of text, which is printed elsewhere; and its
 * caption.
 */
export function show(figure: Figure, { caption, ...png }: ShowOptions = {}): void {
  display(figureBundle(figure, png), figureMetadata(figure, png));
  if (caption !== undefined) display({ 'text/markdown': `*${caption}*`, 'text/plain': caption });
}

/** How a live figure is shown: the size of its PNG, and how often it may change. */
export interface LiveFigureOptions extends PngOptions {
  /** At least this many milliseconds lie between two updates; default 250. What comes sooner waits, the newest wins. */
  interval?: number;
  /** Whether the PNG is drawn at once; default true. False for a figure that will be updated: `done` draws it. */
  final?: boolean;
}

/** A figure on display. */
export interface FigureView {
  /**
   * Replaces the figure in place, without its PNG, which takes longer to draw than all the rest. `final:
   * true` says that this is the last update: it goes out now and with a PNG.
   */
  update(figure: Figure, options?: { final?: boolean }): void;
  /** Sends what still waits and draws the PNG of the last update. Call it when the updates are over. */
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
 * what runs the cell draws figures itself.
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

/** The size of a figure's image, which has more pixels than that, and its text. */
function figureMetadata({ layout }: Figure, png: PngOptions): BundleMetadata {
  return { 'image/png': { ...sizeOf(layout, png), alt: inWords(layout) } };
}

function inWords({ title, meta }: Figure['layout']): string {
  return `${title.text}. ${meta.alt}`;
}
