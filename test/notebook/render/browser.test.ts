import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Browser, Locator, Page } from 'playwright-core';
import { renderReport } from 'sparsebook/notebook/report/renderReport.js';
import type { Cell, Output } from 'sparsebook/notebook/run/notebook.js';
import { Site } from '../live/site.ts';
import { launchChromium, skipWithoutChromium } from '../report/chromium.ts';
import { codeCell, notebookOf } from '../report/fixture.ts';

const display = (data: Record<string, unknown>, metadata = {}): Output => ({
  output_type: 'display_data',
  data,
  metadata,
});
const figure = (json: object): Output => display({ 'application/vnd.plotly.v1+json': json });
const cell = (id: string, outputs: Output[], tags: string[] = []): Cell =>
  codeCell(`draw('${id}')`, { id, outputs, metadata: { tags } });
const text = (id: string, source: string): Cell => ({ cell_type: 'markdown', id, metadata: {}, source });

const points = Array.from({ length: 100_000 }, (_, index) => index / 1000);
const dot = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const notebook = notebookOf(
  text('text', '# Title\n\n[a](#Final-Results) [b](#final-results) [c](#here) \\eqref{e}'),
  text('results', '## Final Results\n\n$$x\\label{e}$$ <a id="here"></a> | $|x|$ |\n\n<!-- secret --> <b>bold</b>'),
  cell('points', [figure({ data: [{ type: 'scattergl', mode: 'markers', x: points, y: points.map(Math.sin) }] })]),
  cell('frames', [
    figure({
      data: [{ y: [1, 2] }],
      frames: [{ name: 'late', data: [{ y: [7, 8] }] }],
      layout: {
        yaxis: { range: [0, 9] },
        updatemenus: [{ type: 'buttons', buttons: [{ label: 'Play', method: 'animate', args: [null] }] }],
      },
    }),
  ]),
  cell('flow', [
    figure({ data: [{ type: 'sankey', node: { label: ['A', 'B'] }, link: { source: [0], target: [1], value: [2] } }] }),
  ]),
  cell('sized', [
    figure({
      data: [{ y: { dtype: 'i1', bdata: 'AwEC' } }],
      layout: { width: 300, height: 280, font: { size: 24 }, paper_bgcolor: 'lightyellow' },
      config: { staticPlot: true, plotlyServerURL: 'https://elsewhere.example' },
    }),
  ]),
  cell('map', [figure({ data: [{ type: 'choropleth', locations: ['FRA', 'DEU'], z: [1, 2] }] })]),
  cell('tiles', [figure({ data: [{ type: 'scattermap', lon: [1], lat: [2] }] })]),
  cell('regions', [
    figure({ data: [{ type: 'choropleth', geojson: 'https://elsewhere.example/r.json', locations: ['a'], z: [1] }] }),
  ]),
  cell('unheard', [figure({ data: [{ type: 'heatmapgl', z: [[1]] }] })]),
  cell('image', [display({ 'image/png': dot }, { 'image/png': { width: 40, height: 20 } })]),
  cell('drawing', [
    display({
      'image/svg+xml':
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><style>.bar{fill:crimson}</style>\n<rect class="bar" width="9" height="9"/></svg>',
    }),
  ]),
  cell('hidden', [{ output_type: 'stream', name: 'stdout', text: 'printed' }], ['hide-cell']),
);

/** The colour in the middle of an image, read from a canvas of the page. */
const middle = (page: Page, selector: string): Promise<unknown> =>
  page.evaluate(`(async () => {
    const image = document.querySelector(${JSON.stringify(selector)});
    await image.decode();
    const context = Object.assign(document.createElement('canvas'), { width: 9, height: 9 }).getContext('2d');
    context.drawImage(image, 0, 0);
    return [...context.getImageData(4, 4, 1, 1).data];
  })()`);

describe('a notebook in a browser, as a report and as a live page', { skip: skipWithoutChromium }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'render-'));
  let site: Site;
  let browser: Browser;

  before(async () => {
    writeFileSync(join(folder, 'report.html'), renderReport(notebook, { name: 'x' }));
    [site, browser] = await Promise.all([Site.open({ 'x.ipynb': notebook }), launchChromium()]);
  });
  after(async () => {
    await browser.close();
    await site.close();
    rmSync(folder, { recursive: true });
  });

  const report = pathToFileURL(join(folder, 'report.html')).href;
  const doors = [
    { door: 'report', address: () => report, part: (name: string) => `#cell-${numberOf(name)}`, dark: false },
    { door: 'live page, dark', address: () => site.server.address('x.ipynb'), part: (name: string) => `.cell[data-id="${name}"]`, dark: true }, // prettier-ignore
  ];
  const numberOf = (name: string): number => notebook.cells.findIndex(({ id }) => id === name) + 1;

  for (const { door, address, part, dark } of doors) {
    test(`${door}: links, figures of all kinds, images and hidden parts are as requested, and nothing is loaded from elsewhere`, async () => {
      const context = await browser.newContext({ colorScheme: dark ? 'dark' : 'light' });
      context.setDefaultTimeout(60_000);
      const page = await context.newPage();
      const incidents = watch(page, address());
      await page.goto(address());
      await page.locator(part('image')).waitFor();

      const names = await page.evaluate(`[...document.querySelectorAll('a[href^="#user-content-"]')].map(
        (link) => [link.textContent, document.getElementById(decodeURIComponent(link.hash.slice(1))) !== null])`);
      assert.deepEqual(names, [['a', true], ['b', true], ['c', true], ['(1)', true]]); // prettier-ignore
      assert.equal(await page.getByText('secret').count(), 0);

      /** The figure of a cell once it is drawn; the live page draws it when it is near the screen. */
      const drawn = async (name: string): Promise<Locator> => {
        await page.locator(part(name)).scrollIntoViewIfNeeded();
        const plot = page.locator(`${part(name)} .plot.drawn`);
        await plot.waitFor();
        return plot;
      };
      assert.ok((await (await drawn('points')).locator('canvas').count()) > 0);
      const moved = (await drawn('frames')).locator('.scatterlayer .point').first();
      const before = await moved.getAttribute('transform');
      await page.locator(`${part('frames')} .updatemenu-button`).click();
      while ((await moved.getAttribute('transform')) === before) await page.waitForTimeout(50);
      await drawn('flow');
      const flow = await page.evaluate("getComputedStyle(document.querySelector('.sankey-link')).fill");
      assert.equal(flow, dark ? 'rgb(201, 206, 214)' : 'rgb(90, 97, 107)');
      const sized = await drawn('sized');
      const size = await sized.locator('svg.main-svg').first().boundingBox();
      assert.deepEqual([size?.width, size?.height], [300, 280]);
      assert.match((await sized.locator('.xtick text').first().getAttribute('style')) ?? '', /font-size: 24px/);
      assert.equal(await sized.locator('.scatterlayer .point').count(), 3);
      assert.equal(await sized.locator('.modebar-btn').count(), 0);
      assert.equal(await (await drawn('map')).locator('.choroplethlayer .choroplethlocation').count(), 2);
      for (const elsewhere of ['tiles', 'regions']) {
        await page.locator(part(elsewhere)).scrollIntoViewIfNeeded();
        await page.locator(`${part(elsewhere)} .unshown`, { hasText: 'its map is on a server' }).waitFor();
      }
      await page.locator(part('unheard')).scrollIntoViewIfNeeded();
      await page.locator(`${part('unheard')} .unshown`, { hasText: "no traces of the type 'heatmapgl'" }).waitFor();

      const image = await page.locator(`${part('image')} img`).boundingBox();
      assert.deepEqual([image?.width, image?.height], [40, 20]);
      assert.deepEqual(await middle(page, `${part('drawing')} img`), [220, 20, 60, 255]);

      const hidden = page.locator(part('hidden'));
      await hidden.scrollIntoViewIfNeeded();
      for (const [what, show] of [
        ['draw', 'code'],
        ['printed', 'output'],
      ]) {
        // prettier-ignore
        assert.equal(await hidden.getByText(what).isVisible(), false);
        await hidden.locator('summary, button.fold', { hasText: show }).click();
        await hidden.getByText(what).waitFor();
      }
      assert.deepEqual(incidents, []);
      await context.close();
    });
  }
});

/** Records what a page must not do: requests to elsewhere, exceptions, and attempts that its policy blocks. */
function watch(page: Page, address: string): string[] {
  const incidents: string[] = [];
  const own = new URL(address).origin;
  page.on('request', (request) => {
    const allowed = request.url() === address || (own !== 'null' && request.url().startsWith(own));
    if (!allowed && !/^(data|blob):/.test(request.url())) incidents.push(`request ${request.url()}`);
  });
  page.on('console', (message) => {
    if (message.type() === 'error') incidents.push(message.text());
  });
  page.on('pageerror', (error) => incidents.push(`exception ${error.message}`));
  return incidents;
}
