import type { Page } from 'playwright-core';
import { chromiumPath } from 'sparsebook/notebook/publish/chromium.js';

export { chromiumPath, launchChromium } from 'sparsebook/notebook/publish/chromium.js';

/** The reason why tests in a browser are skipped, or false. */
export const skipWithoutChromium =
  chromiumPath === undefined && 'no Chromium is installed: install one (apt-get install chromium) or set CHROMIUM';

/**
 * Records what a page should not do from now on: requests other than its own, console errors and warnings, exceptions,
 * and dialogs, which are answered.
 */
export function incidentsOf(
  page: Page,
  isOwn: (url: string) => boolean,
  answer: 'accept' | 'dismiss' = 'dismiss',
): string[] {
  const incidents: string[] = [];
  page.on('request', (request) => {
    const url = request.url();
    if (!isOwn(url) && !/^(data|blob):/.test(url)) incidents.push(`request ${url}`);
  });
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) incidents.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => incidents.push(`exception ${error.message}`));
  page.on('dialog', (dialog) => {
    incidents.push(`dialog ${dialog.message()}`);
    void dialog[answer]();
  });
  return incidents;
}
