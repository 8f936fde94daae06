import type { Figure } from '../../plots/index.js';
import { display } from './display.js';
import { figureBundle } from './figureBundle.js';
import type { PngOptions } from './renderPng.js';

/**
 * Shows a figure below the cell, as one output in three forms: interactive (plotly), a picture (PNG) and a sentence of text.
 * Outside of a notebook it prints the sentence. For a figure that changes, see `liveFigure`.
 */
export function show(figure: Figure, picture: PngOptions = {}): void {
  display(figureBundle(figure, picture));
}
