import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

const usual = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:/Program Files/Google/Chrome/Application/chrome.exe',
];

/** Where a Chromium is installed: the environment variable CHROMIUM, or the usual places. */
export const chromiumPath = [process.env.CHROMIUM, ...usual].find((path) => path && existsSync(path));

/** The reason for which tests in a browser are skipped, or false. */
export const skipWithoutChromium =
  chromiumPath === undefined && 'no Chromium is installed: install one (apt-get install chromium) or set CHROMIUM';

/** Starts a Chromium that makes no requests of its own. */
export function launchChromium(): Promise<Browser> {
  const quiet = [
    'disable-gpu',
    'disable-quic',
    'no-first-run',
    'disable-background-networking',
    'disable-component-update',
  ];
  return chromium.launch({
    executablePath: chromiumPath!,
    args: ['--headless', '--no-sandbox', '--disable-sync', ...quiet.map((name) => `--${name}`)],
  });
}
