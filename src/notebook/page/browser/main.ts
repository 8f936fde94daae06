import { browserName } from '../../../platform/browserName.js';
import { drawWith } from '../../live/browser/figurePlace.js';
import type { Figures } from '../../report/browser/figures.js';
import type { PageNotebook } from '../protocol.js';
import { PageSession } from './session.js';

/** Starts the session of a page that runs. The report's script calls this once the page is shown, and draws figures. */
function startSession(figures: Figures): void {
  drawWith(figures);
  const notebook = JSON.parse(document.getElementById('notebook')!.textContent) as PageNotebook;
  const threads = crossOriginIsolated ? navigator.hardwareConcurrency : 1;
  const here = `${browserName(navigator.userAgent)}, ${threads} thread${threads === 1 ? '' : 's'}`;
  new PageSession(notebook, document.getElementById('panel')!, here);
  document.documentElement.classList.add('runs');
  performance.mark('panel');
}

Object.assign(globalThis, { startSession });
