import { browserName } from '../../../platform/browserName.js';
import { drawWith } from '../../live/browser/figurePlace.js';
import { Figures } from '../../report/browser/figures.js';
import { prepareReport } from '../../report/browser/report.js';
import { applyStoredTheme } from '../../report/browser/theme.js';
import { unpackPlotly } from '../../report/browser/unpack.js';
import type { PageNotebook } from '../protocol.js';
import { PageSession } from './session.js';

// Before the page is painted, so that it does not flash in the other theme.
applyStoredTheme();

document.addEventListener('DOMContentLoaded', () => {
  const figures = new Figures(unpackPlotly);
  drawWith(figures);
  const notebook = JSON.parse(document.getElementById('notebook')!.textContent) as PageNotebook;
  const threads = crossOriginIsolated ? navigator.hardwareConcurrency : 1;
  const here = `${browserName(navigator.userAgent)}, ${threads} thread${threads === 1 ? '' : 's'}`;
  document.documentElement.classList.add('runs');
  new PageSession(notebook, document.getElementById('panel')!, here);
  prepareReport(figures);
});
