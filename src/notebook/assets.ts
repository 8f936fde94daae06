import { fileURLToPath } from 'node:url';

/** Where `npm run build` puts the scripts and styles of reports and pages, and plotly.js, gzipped (`live/buildAssets.ts`). */
export const assetFolder: string = fileURLToPath(new URL('assets', import.meta.url));
