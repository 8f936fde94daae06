import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { renderReport } from 'sparsebook/notebook/report/renderReport.js';
import type { Output } from 'sparsebook/notebook/run/notebook.js';
import { incidentsOf, launchChromium, skipWithoutChromium } from './chromium.ts';
import { codeCell, notebookOf, renderFixture } from './fixture.ts';
import { payloads } from '../render/payloads.ts';

// Globals of the page, where these expressions run; this program has only Node's.
declare const document: {
  documentElement: { scrollWidth: number };
  activeElement: { className: string; id: string; tagName: string };
};
declare const innerWidth: number;

interface Visit {
  page: Page;
  /** Requests other than for the file itself, console errors and warnings, uncaught exceptions, dialogs. */
  incidents: string[];
}

describe('a report in a browser', { skip: skipWithoutChromium }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'report-'));
  let browser: Browser;
  /**
   * One for all tests but the one without scripts: a second page in the same tab takes half as long as the first one.
   */
  let tab: Page;

  before(async () => {
    browser = await launchChromium();
    tab = await (await browser.newContext()).newPage();
    tab.setDefaultTimeout(60_000);
    writeFileSync(join(folder, 'showcase.html'), await renderFixture('showcase'));
  });
  after(async () => {
    await browser.close();
    rmSync(folder, { recursive: true });
  });

  /** Opens a file as a first-time reader would, by its file: address, and waits for its figures. */
  async function visit(
    name: string,
    { width = 1280, colorScheme = 'light' }: { width?: number; colorScheme?: 'light' | 'dark' } = {},
  ): Promise<Visit> {
    const address = pathToFileURL(join(folder, name)).href;
    if (tab.url() !== 'about:blank') await tab.evaluate('localStorage.clear()');
    await tab.removeAllListeners().goto('about:blank');
    await tab.setViewportSize({ width, height: width < 1280 ? 800 : 900 });
    await tab.emulateMedia({ colorScheme });
    const incidents = incidentsOf(tab, (url) => url === address);
    await tab.goto(address);
    await tab.waitForSelector('html[data-figures="drawn"]', { state: 'attached' });
    return { page: tab, incidents };
  }

  const background = (page: Page): Promise<string> =>
    page.evaluate('getComputedStyle(document.documentElement).backgroundColor');
  const plotInk = (page: Page): Promise<string | null> =>
    page.locator('.plot .xtick text').first().getAttribute('style');

  test('every figure is drawn, nothing is requested and the console stays silent', async () => {
    const { page, incidents } = await visit('showcase.html');
    assert.equal(await page.locator('.plot').count(), 4);
    assert.equal((await page.locator('.plot.drawn svg.main-svg').count()) >= 4, true);
    assert.equal(await page.locator('.plot .scatterlayer .trace').count(), 6);
    assert.equal(await page.locator('.plot .barlayer .point').count(), 4);
    assert.equal(await page.locator('.plot > img').count(), 0);
    const bar = page.locator('.plot .barlayer .point').first();
    await bar.scrollIntoViewIfNeeded();
    const { x, y, width, height } = (await bar.boundingBox())!;
    await page.mouse.move(x + width / 2, y + height / 2);
    await page.waitForSelector('.plot .hoverlayer .hovertext', { state: 'attached' });
    assert.deepEqual(incidents, []);
  });

  test('the look follows the system, the button switches it, figures included, and the choice is remembered', async () => {
    const { page, incidents } = await visit('showcase.html', { colorScheme: 'dark' });
    const [dark, darkInk] = [await background(page), await plotInk(page)];
    assert.equal(dark, 'rgb(20, 23, 28)');
    await page.getByRole('button', { name: 'Switch to the light theme' }).click();
    assert.equal(await background(page), 'rgb(255, 255, 255)');
    await page.waitForFunction(
      `document.querySelector('.plot .xtick text').getAttribute('style') !== ${JSON.stringify(darkInk)}`,
    );
    // Values that a page stores reach the process of its next load a moment later.
    for (let tries = 1; tries === 1 || (tries <= 10 && (await background(page)) === dark); tries++) {
      await page.reload();
      await page.waitForSelector('html[data-figures="drawn"]', { state: 'attached' });
    }
    assert.equal(await background(page), 'rgb(255, 255, 255)');
    assert.notEqual(await plotInk(page), darkInk);
    assert.deepEqual(incidents, []);
  });

  test('on a phone nothing is wider than the screen, even with all code shown, and the contents are folded', async () => {
    for (const width of [320, 390]) {
      const { page, incidents } = await visit('showcase.html', { width });
      await page.getByRole('button', { name: 'Show all code' }).click();
      assert.equal(await page.locator('details.code:not([open])').count(), 0);
      const [scroll, inner] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.equal(scroll, inner);
      assert.equal(await page.locator('.contents details').getAttribute('open'), null);
      assert.deepEqual(incidents, []);
    }
  });

  test('on paper figures are light and fit the sheet, and all code is shown; afterwards everything is as before', async () => {
    const { page } = await visit('showcase.html', { colorScheme: 'dark' });
    const [ink, width] = [await plotInk(page), await page.locator('.plot svg.main-svg').first().getAttribute('width')];
    await page.evaluate("dispatchEvent(new Event('beforeprint'))");
    await page.waitForSelector('.plot svg.main-svg[width="680"]');
    assert.notEqual(await plotInk(page), ink);
    assert.equal(await page.locator('details.code:not([open])').count(), 0);
    await page.evaluate("dispatchEvent(new Event('afterprint'))");
    await page.waitForSelector(`.plot svg.main-svg[width="${width}"]`);
    assert.equal(await plotInk(page), ink);
  });

  test('the keyboard reaches the skip link first, then the buttons, and unfolds code', async () => {
    const { page } = await visit('showcase.html');
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
    assert.equal(await page.evaluate("document.querySelector('.skip').getBoundingClientRect().top >= 0"), true);
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
    const folded = page.locator('details.code:not([open]) summary').first();
    const code = page.locator('details.code').nth(3);
    await folded.focus();
    await page.keyboard.press('Enter');
    assert.notEqual(await code.getAttribute('open'), null);
  });

  test('a reader who navigates by roles finds title, landmarks, figures and tables by name', async () => {
    const { page } = await visit('showcase.html');
    assert.equal(await page.getByRole('heading', { level: 1 }).count(), 1);
    for (const role of ['banner', 'main', 'contentinfo'] as const)
      assert.equal(await page.getByRole(role).count(), 1, role);
    assert.equal(await page.getByRole('navigation', { name: 'Contents' }).count(), 1);
    assert.equal(await page.getByRole('img', { name: /^Three curves: mass gathers/ }).count(), 1);
    assert.equal(await page.getByRole('region', { name: 'Parameters' }).getByRole('rowheader').count(), 4);
  });

  test('without scripts the text, formulas and the figures’ images or texts are shown', async () => {
    const page = await (await browser.newContext({ javaScriptEnabled: false })).newPage();
    await page.goto(pathToFileURL(join(folder, 'showcase.html')).href);
    assert.equal(await page.locator('.plot > img').count(), 1);
    assert.equal(await page.locator('.plot > .still').count(), 3);
    assert.equal(await page.locator('.katex').first().isVisible(), true);
    assert.equal(await page.locator('.controls').isVisible(), false);
    await page.context().close();
  });

  test('no payload in any kind of output runs, requests or even tries to, and a figure is still drawn', async () => {
    const display = (data: Record<string, unknown>): Output => ({ output_type: 'display_data', data, metadata: {} });
    const outputs = payloads.flatMap((payload) => [
      display({ 'text/html': payload }),
      display({ 'text/markdown': payload }),
      display({ 'image/svg+xml': `<svg xmlns="http://www.w3.org/2000/svg">${payload}</svg>` }),
      display({ 'text/plain': payload }),
    ]);
    const figure = {
      data: [{ x: [1, 2, 3], y: [1, 4, 9], name: payloads.join(''), text: payloads, hovertemplate: payloads[0] }],
      layout: {
        title: { text: payloads.join(' ') },
        xaxis: { title: { text: '<a href="javascript:hacked=1">x</a></script><script>hacked=1</script>' } },
        annotations: payloads.slice(0, 30).map((text) => ({ text, x: 2, y: 4 })),
        images: [{ source: 'https://elsewhere.example/x.png', x: 0, y: 1 }],
        meta: { alt: payloads.join('') },
      },
    };
    const source = `// ${payloads.join('\n// ')}`;
    const html = renderReport(
      notebookOf(
        { cell_type: 'markdown', id: 'm', metadata: {}, source: payloads.join('\n\n') },
        codeCell(source, { outputs }),
        codeCell('show()', {
          outputs: [display({ 'application/vnd.plotly.v1+json': figure, 'text/plain': source })],
        }),
      ),
      { name: '<script>hacked=1</script>' },
    );
    writeFileSync(join(folder, 'payloads.html'), html);
    const { page, incidents } = await visit('payloads.html');
    await page
      .locator('details')
      .evaluateAll((all) => all.forEach((one) => ((one as unknown as { open: boolean }).open = true)));
    for (const link of await page.locator('.output a, .plot a').all()) {
      assert.doesNotMatch((await link.getAttribute('href')) ?? '', /^\s*(javascript|vbscript|data):/i);
    }
    await page.waitForTimeout(300);
    assert.equal(await page.evaluate(() => (globalThis as { hacked?: number }).hacked), undefined);
    assert.equal(await page.locator('.plot.drawn .scatterlayer .trace').count(), 1);
    assert.equal(await page.locator('main script:not([type="application/json"]), main style, main iframe').count(), 0);
    assert.equal(new URL(page.url()).protocol, 'file:');
    assert.deepEqual(incidents, []);
  });

  test('the policy blocks whatever would slip through', async () => {
    let requests = 0;
    const server = createServer((_request, response) => {
      requests++;
      response.end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const elsewhere = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const slipped =
      `<script>hacked=1</script><script src="${elsewhere}/x.js"></script><p onclick="hacked=1" id="handler">x</p>` +
      `<img src="${elsewhere}/x.png"><p style="background:url(${elsewhere}/y.png)">x</p><iframe src="${elsewhere}"></iframe>`;
    writeFileSync(
      join(folder, 'slipped.html'),
      (await renderFixture('showcase')).replace('</main>', `${slipped}</main>`),
    );
    const { page, incidents } = await visit('slipped.html');
    assert.equal(await page.evaluate(() => (globalThis as { hacked?: number }).hacked), undefined);
    await page.locator('#handler').click();
    assert.equal(await page.evaluate(() => (globalThis as { hacked?: number }).hacked), undefined);
    assert.ok(
      incidents.filter((incident) => incident.includes('Content Security Policy')).length >= 5,
      incidents.join(),
    );
    assert.equal(requests, 0);
    server.close();
  });
});
