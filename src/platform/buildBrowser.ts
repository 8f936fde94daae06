// Part of `npm run build`: the library for a browser, one ES module.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { browserBundle } from './browserBundle.js';
import { packageFolder } from './node.js';

const folder = join(packageFolder, 'dist/browser');
const { metafile } = buildSync({
  ...browserBundle(),
  entryPoints: [join(packageFolder, 'dist/browser.js')],
  outfile: join(folder, 'sparsebook.js'),
  format: 'esm',
  metafile: true,
});
// The bundle's contents, for the test that checks them.
writeFileSync(join(folder, 'contents.json'), JSON.stringify(metafile));
