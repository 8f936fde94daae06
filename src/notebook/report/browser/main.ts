import { Figures } from './figures.js';
import { prepareReport } from './report.js';
import { applyStoredTheme } from './theme.js';
import { unpackPlotly } from './unpack.js';

// Before the page is painted, so that it does not flash in the other theme.
applyStoredTheme();
document.addEventListener('DOMContentLoaded', () => prepareReport(new Figures(unpackPlotly)));
