import { setTimeout } from 'node:timers/promises';
import type { Browser, Page, Response } from 'playwright-core';
import { launchChromium } from './chromium.js';
import { serveFolder } from './serveFolder.js';
import { pagesOf } from './site.js';

/** What came of opening a page in Chromium. */
export interface CheckedPage {
  name: string;
  threads: number;
  figures: number;
  links: number;
  /** What is wrong with it, a sentence each. */
  faults: string[];
}

/** How long a page may take, on a slow machine too. */
const [ISOLATION_MS, DRAWING_MS] = [30_000, 120_000];

const drawn =
  "document.readyState === 'complete' && (!document.querySelector('.plot') || document.documentElement.dataset.figures === 'drawn')";

/**
 * Opens every page of the site in a folder in Chromium, as somebody who never saw it, from a plain server on 127.0.0.1 and below a path.
 * Yields what came of each. Throws a UserError where there is no site, or no Chromium.
 */
export async function* checkSite(folder: string): AsyncGenerator<CheckedPage> {
  const pages = await pagesOf(folder);
  const browser = await launchChromium();
  const { address, close } = await serveFolder(folder, '/some/path/');
  try {
    for (const name of pages) yield await checkPage(browser, name, address);
  } finally {
    close();
    await browser.close();
  }
}

async function checkPage(browser: Browser, name: string, site: string): Promise<CheckedPage> {
  const context = await browser.newContext();
  const page = await context.newPage();
  const faults: string[] = [];
  listen(page, new URL(site).origin, (fault) => faults.push(fault));
  const address = new URL(encodeURIComponent(name), site).href;
  try {
    // To ask anything of the page would be an act of its reader, before which it does not load itself again.
    const isAgain = (response: Response): boolean => response.fromServiceWorker() && response.url() === address;
    const again = page.waitForResponse(isAgain, { timeout: ISOLATION_MS }).catch(() => undefined);
    await page.goto(address, { waitUntil: 'commit' });
    await again;
    const isDrawn = await becomes(page, drawn, DRAWING_MS);
    if (!(await page.evaluate('crossOriginIsolated')))
      faults.push(`it is not isolated: it has ${await page.locator('#threads').innerText()}`);
    if (!isDrawn) faults.push('its figures are not drawn');
    const { undrawn, links, ...facts } = await factsOf(page);
    faults.push(...undrawn, ...(await brokenLinks(links, address)));
    return { name, ...facts, links: links.length, faults };
  } finally {
    await context.close();
  }
}

/** Waits until an expression is true in a page that may be loaded again meanwhile; the page's policy lets no waiting in it evaluate text. */
async function becomes(page: Page, condition: string, patience: number): Promise<boolean> {
  for (const end = performance.now() + patience; performance.now() < end; await setTimeout(50)) {
    if (await page.evaluate(condition).catch(() => false)) return true;
  }
  return false;
}

/** Tells of whatever a page should not do: errors, and requests that fail or go to another site. */
function listen(page: Page, origin: string, tell: (fault: string) => void): void {
  page.on('console', (message) => message.type() === 'error' && tell(`console: ${message.text()}`));
  page.on('pageerror', (error) => tell(`exception: ${error.message}`));
  page.on('response', (response) => response.status() >= 400 && tell(`${response.status()}: ${response.url()}`));
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (/^https?:$/.test(url.protocol) && url.origin !== origin) tell(`it asks another site: ${url.href}`);
  });
}

interface Facts {
  threads: number;
  figures: number;
  undrawn: string[];
  /** The addresses that links lead to; those to a place in the page that is there are `#`. */
  links: string[];
}

const factsOf = (page: Page): Promise<Facts> =>
  page.evaluate(`({
    threads: crossOriginIsolated ? navigator.hardwareConcurrency : 1,
    figures: document.querySelectorAll('.plot').length,
    undrawn: [...document.querySelectorAll('.figure > .unshown')].map(({ textContent }) => textContent),
    links: [...document.querySelectorAll('a[href]')].map(({ href, hash }) =>
      href.startsWith(location.href.replace(/#.*/, '') + '#') && document.getElementById(decodeURIComponent(hash.slice(1))) ? '#' : href),
  })`);

/** Says of links within the site which lead nowhere; others are not followed. */
async function brokenLinks(links: readonly string[], page: string): Promise<string[]> {
  const { origin } = new URL(page);
  const broken = await Promise.all(
    [...new Set(links)].map(async (link) => {
      if (link === '#' || new URL(link).origin !== origin) return [];
      const leads = !link.startsWith(`${page}#`) && (await fetch(link)).ok;
      return leads ? [] : [`a link leads nowhere: ${link}`];
    }),
  );
  return broken.flat();
}
