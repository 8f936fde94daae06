import { setTimeout } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { reasonOf } from '../../errors.js';
import { launchChromium } from './chromium.js';
import { serveFolder } from './serveFolder.js';
import { pagesOf } from './site.js';

/** The result of opening a page in Chromium. */
export interface CheckedPage {
  name: string;
  /** What was found on the page; empty if it could not be checked. */
  facts: string;
  /** What is wrong with the page, a sentence each. */
  faults: string[];
}

/** How long a page may take, even on a slow machine. */
const PATIENCE_MS = 120_000;

/** Evaluates to a page's {@link Facts} once it shares memory or says why not, and its figures are drawn. */
const facts = `document.readyState === 'complete'
  && (crossOriginIsolated || /\\(/.test(document.getElementById('threads').textContent))
  && (!document.getElementById('session') || document.documentElement.classList.contains('runs'))
  && (!document.querySelector('.plot') || document.documentElement.dataset.figures === 'drawn')
  && {
    threads: document.getElementById('threads').textContent,
    isIsolated: crossOriginIsolated,
    runs: document.documentElement.classList.contains('runs'),
    figures: document.querySelectorAll('.plot').length,
    undrawn: [...document.querySelectorAll('.figure > .unshown')].map(({ textContent }) => textContent),
    links: [...document.querySelectorAll('a[href]')].map(({ href, hash }) =>
      href.startsWith(location.href.replace(/#.*/, '') + '#') && document.getElementById(decodeURIComponent(hash.slice(1))) ? '#' : href),
  }`;

interface Facts {
  threads: string;
  isIsolated: boolean;
  runs: boolean;
  figures: number;
  undrawn: string[];
  /** The addresses that links lead to; `#` for a link to an existing place in the page. */
  links: string[];
}

/**
 * Opens every page of the site in a folder in a fresh profile of Chromium, from a plain server on 127.0.0.1 and below a
 * path. Yields the result for each page. Throws a UserError if there is no site, or no Chromium.
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
    await page.goto(address, { waitUntil: 'commit' });
    const { threads, isIsolated, runs, figures, undrawn, links } = await factsOf(page);
    if (!isIsolated) faults.push(`it is not isolated: it has ${threads}`);
    faults.push(...undrawn, ...(await brokenLinks(links, address)));
    const facts = [threads, `${figures} figures`, `${links.length} links`];
    if (runs) facts.push(await run(page));
    return { name, facts: facts.join(', '), faults };
  } catch (error) {
    return { name, facts: '', faults: [...faults, reasonOf(error)] };
  } finally {
    await context.close();
  }
}

async function factsOf(page: Page): Promise<Facts> {
  // Evaluating by Playwright's own means counts as an action of the page's user, after which the page would not reload
  // itself.
  const session = await page.context().newCDPSession(page);
  for (const end = performance.now() + PATIENCE_MS; performance.now() < end; await setTimeout(50)) {
    const ask = session.send('Runtime.evaluate', { expression: facts, returnByValue: true });
    const answer = await ask.catch(() => undefined);
    if (answer?.result.value) return answer.result.value as Facts;
  }
  throw new Error(`it is not ready after ${PATIENCE_MS / 1000} s`);
}

/**
 * Runs a page until the first cell that shows something has ended; returns the cell's note on its run. Throws if the
 * cell ended in an error.
 */
async function run(page: Page): Promise<string> {
  await page.locator('#panel button.primary:visible').click();
  const ended = page.locator('.mark:visible', { hasText: /^(ended in an error )?in this page/ }).first();
  // If no cell shows anything, the whole run ends.
  const over = page.locator('.running').waitFor({ state: 'hidden', timeout: PATIENCE_MS });
  await Promise.race([ended.waitFor({ timeout: PATIENCE_MS }), over]);
  const said = (await ended.count()) > 0 ? await ended.locator('span').innerText() : 'no cell shows anything';
  if (said.startsWith('ended')) throw new Error(`a cell ${said}`);
  return `ran ${said}`;
}

/** Reports whatever a page should not do: errors, and requests that fail or go to another site. */
function listen(page: Page, origin: string, tell: (fault: string) => void): void {
  page.on('console', (message) => message.type() === 'error' && tell(`console: ${message.text()}`));
  page.on('pageerror', (error) => tell(`exception: ${error.message}`));
  page.on('response', (response) => response.status() >= 400 && tell(`${response.status()}: ${response.url()}`));
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (/^https?:$/.test(url.protocol) && url.origin !== origin) tell(`it asks another site: ${url.href}`);
  });
}

/** Finds links within the site that lead nowhere; links to other sites are not followed. */
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
