// The last part of `npm run build`: bundles the scripts and styles of reports and pages, and writes the file by which
// `npm start` knows that everything is built.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { constants, gzipSync } from 'node:zlib';
import { buildSync } from 'esbuild';
import { assetFolder } from '../assets.js';
import { packageRoot } from '../jupyter/kernelSpec.js';

const entries = {
  'report/browser/look.ts': 'look',
  'report/browser/main.ts': 'report',
  'report/style/main.css': 'report',
  'live/browser/notebook.ts': 'notebook',
  'live/browser/list.ts': 'list',
  'live/style/main.css': 'live',
  'runs/browser/runs.ts': 'runs',
  'runs/style/main.css': 'runs',
  'page/browser/main.ts': 'session',
  'page/browser/worker.ts': 'worker',
  'page/style/main.css': 'page',
  'publish/browser/serviceWorker.ts': 'service-worker',
};
buildSync({
  entryPoints: Object.entries(entries).map(([source, out]) => ({ in: join(packageRoot, 'src/notebook', source), out })),
  outdir: assetFolder,
  bundle: true,
  minify: true,
  legalComments: 'inline',
  target: 'es2022',
  format: 'iife',
  logLevel: 'error',
});
const { resolve } = createRequire(import.meta.url);
// These bundles make no functions from text, which the pages' policies forbid.
pack(resolve('plotly.js-strict-dist-min'), 'plotly.js');
pack(resolve('plotly.js-cartesian-dist-min'), 'plotly-cartesian.js');
for (const name of ['session.js', 'worker.js']) pack(join(assetFolder, name), name);

function pack(file: string, name: string): void {
  writeFileSync(join(assetFolder, name), gzipSync(readFileSync(file), { level: constants.Z_BEST_COMPRESSION }));
}

writeFileSync(join(packageRoot, 'dist', 'built'), '');
