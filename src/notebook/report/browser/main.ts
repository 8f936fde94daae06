import { Figures } from './figures.js';
import { drawFigures, prepareReport } from './report.js';
import { parsed, unpackPlotly, unpackScript } from './unpack.js';

declare const startSession: (figures: Figures) => void;

const painted = (): Promise<void> => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));

/** Prepares the text first, then the session of a page that runs, then the figures. */
async function start(): Promise<void> {
  prepareReport();
  const figures = new Figures(unpackPlotly);
  await painted();
  const session = document.getElementById('session');
  if (session) {
    await unpackScript(session);
    startSession(figures);
  }
  await parsed();
  await drawFigures(figures);
}

void start();
