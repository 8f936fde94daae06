// Part of `npm run build`: bundles what runs in a browser into one ES module, the kernels and the script of their threads in it.
// A module of Node's that the browser's entry reaches is an error here.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync, type BuildOptions } from 'esbuild';
import { packageFolder } from './node.js';

const dist = join(packageFolder, 'dist');
const common = {
  bundle: true,
  minify: true,
  platform: 'browser',
  target: 'es2022',
  legalComments: 'eof',
  logLevel: 'error',
} satisfies BuildOptions;

const [thread] = buildSync({
  ...common,
  entryPoints: [join(dist, 'backend/simd/webWorker.js')],
  format: 'iife',
  write: false,
}).outputFiles;

const { version } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as { version: string };

const { metafile } = buildSync({
  ...common,
  entryPoints: [join(dist, 'browser.js')],
  outfile: join(dist, 'browser/sparsebook.js'),
  format: 'esm',
  alias: { '@tensorflow/tfjs': join(dist, 'backend/tfjsInBrowser.js') },
  define: { SIMD_WORKER: JSON.stringify(thread.text), VERSION: JSON.stringify(version) },
  loader: { '.wasm': 'binary' },
  metafile: true,
});
// What is in it, for the test that looks.
writeFileSync(join(dist, 'browser/contents.json'), JSON.stringify(metafile));
