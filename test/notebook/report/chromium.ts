import { chromiumPath } from 'sparsebook/notebook/publish/chromium.js';

export { chromiumPath, launchChromium } from 'sparsebook/notebook/publish/chromium.js';

/** The reason for which tests in a browser are skipped, or false. */
export const skipWithoutChromium =
  chromiumPath === undefined && 'no Chromium is installed: install one (apt-get install chromium) or set CHROMIUM';
