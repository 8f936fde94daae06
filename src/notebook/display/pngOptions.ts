import type { Figure } from '../../plots/theme.js';

/** How a figure is drawn. Sizes are in CSS pixels. */
export interface PngOptions {
  /** Default 720. */
  width?: number;
  /** Default: the figure's own. */
  height?: number;
  /** Image pixels per CSS pixel in each direction; default 2, for screens with high pixel density. */
  scale?: number;
}

/** The size of a figure in CSS pixels. */
export function sizeOf(layout: Figure['layout'], options: PngOptions): { width: number; height: number } {
  return { width: options.width ?? 720, height: options.height ?? layout.height };
}
