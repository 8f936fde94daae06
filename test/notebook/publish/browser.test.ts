import assert from 'node:assert/strict';
import { appendFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { checkSite } from 'sparsebook/notebook/publish/checkSite.js';
import { serveFolder } from 'sparsebook/notebook/publish/serveFolder.js';
import type { Cell } from 'sparsebook/notebook/run/notebook.js';
import { launchChromium, skipWithoutChromium } from '../report/chromium.ts';
import { payloads } from '../render/payloads.ts';
import { codeCell } from '../report/fixture.ts';
import { figure, publish, text } from './sites.ts';

describe('a published site in a browser', { skip: skipWithoutChromium }, () => {
  let browser: Browser;
  let site: string;
  let served: Awaited<ReturnType<typeof serveFolder>>;

  before(async () => {
    const one = [text('# One\n\n[the other](two%20words.ipynb), [a part](#Part)\n\n## Part'), figure];
    const runnable = [
      codeCell('console.log((globalThis as any).crossOriginIsolated, new SharedArrayBuffer(8).byteLength)'),
    ];
    site = await publish({ one, 'two words': [text('# Two')], runnable }, { runs: (file) => /runnable/.test(file) });
    served = await serveFolder(site, '/below/a/path/');
    browser = await launchChromium();
  });
  after(async () => {
    await browser.close();
    served.close();
  });

  interface Visit {
    page: Page;
    /** The number of times that a page was loaded. */
    loads: () => number;
    /** Console errors, uncaught exceptions, failed responses. */
    incidents: string[];
  }

  async function newVisit(options: BrowserContextOptions = {}): Promise<Visit> {
    const context = await browser.newContext(options);
    context.setDefaultTimeout(60_000);
    const page = await context.newPage();
    const incidents: string[] = [];
    let loads = 0;
    page.on('framenavigated', () => loads++);
    page.on('console', (message) => message.type() === 'error' && incidents.push(message.text()));
    page.on('pageerror', (error) => incidents.push(error.message));
    page.on('response', (response) => response.status() >= 400 && incidents.push(response.url()));
    return { page, loads: () => loads, incidents };
  }

  /**
   * Opens a page for the first time and waits until it is isolated. Any earlier interaction would look like the
   * reader's, and the page would not reload.
   */
  async function arrive(page: Page, address: string): Promise<void> {
    const again = page.waitForResponse((response) => response.fromServiceWorker() && response.url() === address);
    await page.goto(address, { waitUntil: 'commit' });
    await again;
    await page.locator('#threads', { hasText: /^\d+ threads?$/ }).waitFor();
  }

  const drawn = (page: Page): Promise<unknown> =>
    page.waitForSelector('html[data-figures="drawn"]', { state: 'attached' });
  const isolated = (page: Page): Promise<unknown> =>
    page.evaluate('crossOriginIsolated && new SharedArrayBuffer(8).byteLength === 8');

  test('a first visit isolates the page by reloading it once, and the next page of the site is isolated at once', async () => {
    const { page, loads, incidents } = await newVisit();
    await arrive(page, `${served.address}one.html`);
    await drawn(page);
    assert.equal(await isolated(page), true);
    assert.equal(loads(), 2);
    const cores = await page.evaluate('navigator.hardwareConcurrency');
    assert.ok((await page.locator('#threads').innerText()).startsWith(`${cores as number} thread`));
    await page.getByRole('link', { name: 'the other' }).click();
    await page.getByRole('heading', { name: 'Two' }).waitFor();
    assert.equal(await isolated(page), true);
    await page.getByRole('link', { name: 'All notebooks' }).click();
    await page.getByRole('link', { name: 'One' }).click();
    await drawn(page);
    assert.equal(loads(), 5);
    assert.deepEqual(incidents, []);
    await page.context().close();
  });

  test('a page that was visited once opens, isolated and with its figures, when the host cannot be reached', async () => {
    const gone = await serveFolder(await publish({ one: [text('# Before'), figure] }));
    const { page, incidents } = await newVisit();
    await arrive(page, `${gone.address}one.html`);
    await drawn(page);
    await page.context().setOffline(true);
    gone.close();
    await page.reload();
    await drawn(page);
    assert.equal(await isolated(page), true);
    assert.deepEqual(
      incidents.filter((incident) => !/ERR_INTERNET_DISCONNECTED|ERR_CONNECTION_REFUSED/.test(incident)),
      [],
    );
    await page.context().close();
  });

  test('without a service worker a page works as well, says that it has one thread, and does not reload itself', async () => {
    const { page, loads, incidents } = await newVisit();
    await page.route('**/service-worker.js', (route) => route.fulfill({ status: 404 }));
    await page.context().route('**/service-worker.js', (route) => route.fulfill({ status: 404 }));
    await page.goto(`${served.address}one.html`);
    await drawn(page);
    await page.locator('#threads', { hasText: 'no service worker starts here' }).waitFor();
    assert.match(await page.locator('#threads').innerText(), /^one thread \(/);
    assert.equal(await isolated(page), false);
    assert.equal(loads(), 1);
    assert.deepEqual(
      incidents.filter((incident) => !/service-worker|when fetching the script/.test(incident)),
      [],
    );
    await page.context().close();
  });

  test('code in a page has memory that threads share', async () => {
    const { page, incidents } = await newVisit();
    await arrive(page, `${served.address}runnable.html`);
    await page.locator('#panel').getByRole('button', { name: 'Run', exact: true }).click();
    await page.locator('#cell-1 .output.stdout', { hasText: 'true 8' }).waitFor({ timeout: 120_000 });
    assert.deepEqual(incidents, []);
    await page.context().close();
  });

  test('nothing in titles and introductions runs in the list', async () => {
    const three = payloads.flatMap((_, index) => (index % 3 === 0 ? [payloads.slice(index, index + 3)] : []));
    const notebooks = three.map((some, index): [string, Cell[]] => [`n${index}`, [text(`# ${some.join('\n\n')}`)]]);
    const folder = await publish(Object.fromEntries(notebooks));
    const { address, close } = await serveFolder(folder);
    const { page, incidents } = await newVisit();
    await arrive(page, `${address}index.html`);
    assert.equal(await page.evaluate('window.hacked'), undefined);
    assert.deepEqual(incidents, []);
    await page.context().close();
    close();
  });

  test('the check finds no fault in a site, and names dead links, missing files and errors', async () => {
    const check = async (folder: string): Promise<Record<string, string[]>> => {
      const checked: Record<string, string[]> = {};
      for await (const { name, facts, faults } of checkSite(folder)) {
        checked[name] = faults;
        assert.equal(/ran in this page, Chromium/.test(facts), name === 'runnable.html', facts);
      }
      return checked;
    };
    const pages = ['one.html', 'two words.html', 'runnable.html', 'index.html'];
    assert.deepEqual(await check(site), Object.fromEntries(pages.map((name) => [name, []])));
    const cells = {
      links: [text('[a file](gone.html) [a part](#Gone)')],
      figures: [figure],
      fails: [codeCell("throw new Error('no such layer')")],
    };
    const faulty = await publish(cells, { runs: (file) => /fails/.test(file) });
    rmSync(
      join(
        faulty,
        readdirSync(faulty).find((name) => name.startsWith('plotly-'))!,
      ),
    );
    appendFileSync(join(faulty, 'index.html'), '<img src="https://example.org/x.png">');
    writeFileSync(join(faulty, 'service-worker.js'), '');
    const found = await check(faulty);
    const all = Object.fromEntries(Object.entries(found).map(([name, faults]) => [name, faults.join('\n')]));
    assert.match(all['links.html'], /a link leads nowhere: .*gone\.html\n.*a link leads nowhere: .*Gone/s);
    assert.match(all['figures.html'], /404: .*plotly-\w+\.bin/);
    assert.match(all['figures.html'], /This figure cannot be drawn: plotly-\w+\.bin cannot be loaded/);
    assert.match(all['fails.html'], /a cell ended in an error in this page/);
    assert.match(all['index.html'], /console: .*Content Security Policy/);
    for (const faults of Object.values(all)) assert.match(faults, /it is not isolated: it has one thread/);
  });
});
