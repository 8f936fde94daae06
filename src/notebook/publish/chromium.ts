import { existsSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { UserError } from '../../errors.js';

const usual = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:/Program Files/Google/Chrome/Application/chrome.exe',
];

/** Where a Chromium is installed: the environment variable CHROMIUM, or the usual places. */
export const chromiumPath: string | undefined = [process.env.CHROMIUM, ...usual].find(
  (path) => path && existsSync(path),
);

/**
 * The features that are disabled in Chromium, in place of Playwright's own list: those that ask servers or change what
 * is loaded or drawn, and the hidden pages of the address bar, which take half the time of opening a window.
 */
const absent = [
  ...['AimEnabled', 'NetworkTimeServiceQuerying', 'OptimizationHints', 'PreconnectToSearch', 'MediaRouter'],
  ...['DestroyProfileOnBrowserClose', 'HttpsUpgrades', 'PaintHolding'],
  ...['WebUIOmniboxPopup', 'WebUIOmniboxAimPopup'],
];

/**
 * Starts a Chromium that makes no requests of its own, with the given switches for graphics. Throws a UserError if none
 * is installed.
 */
export async function launchChromium(graphics: string[] = ['disable-gpu']): Promise<Browser> {
  if (chromiumPath === undefined) {
    throw new UserError(
      'no Chromium is installed: install one (apt-get install chromium), or set CHROMIUM to its path',
    );
  }
  const { chromium } = await import('playwright-core').catch(() => {
    throw new UserError('playwright-core, which drives Chromium, is not installed: npm ci installs it');
  });
  const quiet = [
    ...graphics,
    'disable-quic',
    'no-first-run',
    'disable-background-networking',
    'disable-component-update',
    `disable-features=${absent.join()}`,
  ];
  return chromium.launch({
    executablePath: chromiumPath,
    args: ['--headless', '--no-sandbox', '--disable-sync', ...quiet.map((name) => `--${name}`)],
  });
}
