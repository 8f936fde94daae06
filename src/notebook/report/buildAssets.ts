// Part of `npm run build`, so that the first report need not wait for plotly.js to be minified.
import { loadAssets } from './assets.js';

loadAssets();
