import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { bundle, filesBelow } from './bundle.js';

/** The parts of a page that do not depend on the notebook. */
export interface Assets {
  /** The style sheet. */
  style: string;
  /** The page's own script. */
  script: string;
  /** plotly.js minified, gzipped, in base64. The page's script unpacks it with the browser's DecompressionStream. */
  plotly: string;
  /** SHA-256 of the unpacked plotly.js as a content security policy writes it. */
  plotlyHash: string;
}

const here = dirname(fileURLToPath(import.meta.url));
const sources = join(here, '../../../src/notebook/report');
const folder = join(here, 'assets');
const require = createRequire(import.meta.url);

/** SHA-256 of a script or style as a content security policy writes it. */
export function policyHash(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

/** plotly.js minified and gzipped, as a page loads it. */
export function packedPlotly(): Buffer {
  const entry = require.resolve('plotly.js-dist');
  const { version } = require('plotly.js-dist/package.json') as { version: string };
  const target = join(folder, `plotly-${version}.min.js.gz`);
  return bundle({ entry, target, dependsOn: [entry], bundle: false });
}

function part(entry: string, target: string): string {
  const dependsOn = filesBelow(join(sources, dirname(entry)));
  return bundle({ entry: join(sources, entry), target: join(folder, target), dependsOn }).toString();
}

/** The page's style sheet and script and plotly.js, built into dist/ when they are not there yet (about a second). */
export function loadAssets(): Assets {
  const plotly = packedPlotly();
  return {
    style: part('style/main.css', 'page.css'),
    script: part('browser/main.ts', 'page.js'),
    plotly: plotly.toString('base64'),
    plotlyHash: policyHash(gunzipSync(plotly).toString()),
  };
}
