import { prepareCode } from './code.js';
import { prepareContents } from './contents.js';
import { drawFigures } from './drawFigures.js';
import { applyStoredTheme, prepareTheme } from './theme.js';

// Before the page is painted, so that it does not flash in the other theme.
applyStoredTheme();

document.addEventListener('DOMContentLoaded', () => {
  document.querySelector<HTMLElement>('.controls')!.hidden = false;
  prepareTheme();
  prepareCode();
  prepareContents();
  void drawFigures();
});
