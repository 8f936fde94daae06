// The last part of `npm run build`: the scripts and styles of reports and pages, and the mark by which `npm start` knows that all is built.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../jupyter/kernelSpec.js';
import { loadAssets } from '../report/assets.js';
import { buildAssets } from './assets.js';

loadAssets();
buildAssets();
writeFileSync(join(packageRoot, 'dist', 'built'), '');
