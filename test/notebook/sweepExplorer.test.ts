// The figure that explores a sweep, moved by keyboard and by finger: in a report and in the live page.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { figureBundle } from 'sparsebook/notebook/display/figure.js';
import { renderReport } from 'sparsebook/notebook/report/renderReport.js';
import { sweepExplorer } from 'sparsebook/plots/sweepExplorer.js';
import { madeSweep } from '../plots/madeSweep.ts';
import { Site } from './live/site.ts';
import { holds, visitNotebook } from './live/tab.ts';
import { launchChromium, skipWithoutChromium } from './report/chromium.ts';
import { codeCell, notebookOf } from './report/fixture.ts';

const figure = sweepExplorer(madeSweep({ lambdas: [10, 20, 30, 40], seeds: 3 }));
const output = { output_type: 'display_data' as const, data: figureBundle(figure, null), metadata: {} };
const notebook = notebookOf(codeCell('sb.sweepExplorer(sweep)', { id: 'explorer', outputs: [output] }));

/** The bars of each frame, in the form in which the page returns them. */
const bars = figure.data.findIndex(({ orientation }) => orientation === 'h');
const shown = figure.frames!.map(({ data }) => (data[bars].x as number[]).join());

const barsIn = `document.querySelector('.plot').calcdata?.[${bars}].map(({ s }) => s).join()`;

/** Waits until the page shows a stop: in its bars, in its lines of text and in its label for screen readers. */
async function standsAt(page: Page, stop: number): Promise<void> {
  const place = "document.querySelector('.plot')";
  await holds(page, `${barsIn} === ${JSON.stringify(shown[stop])}`);
  const name = `lambda_l0 = ${10 * (stop + 1)}`;
  await holds(page, `[...document.querySelectorAll('.textpoint')].some((at) => at.textContent.startsWith('${name}'))`);
  await holds(page, `${place}.getAttribute('aria-label').includes('At ${name}: 3 runs')`);
}

describe('a figure that explores a sweep', { skip: skipWithoutChromium }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'explorer-'));
  let browser: Browser;
  let site: Site;

  before(async () => {
    writeFileSync(join(folder, 'page.html'), renderReport(notebook, { name: 'explorer' }));
    site = await Site.open({ 'explorer.ipynb': notebook });
    browser = await launchChromium();
  });
  after(async () => {
    await browser.close();
    await site.close();
    rmSync(folder, { recursive: true });
  });

  const finger = { hasTouch: true, isMobile: true, viewport: { width: 390, height: 800 } };

  async function inReport(options: object): Promise<Page> {
    const page = await (await browser.newContext(options)).newPage();
    page.setDefaultTimeout(60_000);
    await page.goto(pathToFileURL(join(folder, 'page.html')).href);
    return page;
  }

  test('as Jupyter draws it, with plotly alone, the figure is moved by its own slider', async () => {
    const page = await browser.newPage();
    await page.setContent('<div class="plot"></div>');
    await page.addScriptTag({ path: 'node_modules/plotly.js-cartesian-dist-min/plotly-cartesian.min.js' });
    await page.evaluate(
      `Plotly.newPlot(document.querySelector('.plot'), ${JSON.stringify(figure)}).then((place) => Plotly.addFrames(place, ${JSON.stringify(figure.frames)}))`,
    );
    const { x, y, width, height } = (await page.locator('.slider-rail-touch-rect').boundingBox())!;
    await page.mouse.click(x + 0.999 * width, y + height / 2);
    await holds(page, `${barsIn} === ${JSON.stringify(shown[3])}`);
    await page.close();
  });

  const inLivePage = async (options: object): Promise<Page> =>
    (await visitNotebook(browser, site, 'explorer.ipynb', options)).tab;

  for (const [where, open] of [
    ['a report', inReport],
    ['the live page', inLivePage],
  ] as const) {
    test(`in ${where} the arrow keys move it, and so do Home and End`, async () => {
      const page = await open({});
      const failed: unknown[] = [];
      page.on('pageerror', (error) => failed.push(error));
      const slider = page.getByRole('slider', { name: 'lambda_l0' });
      await slider.focus();
      await standsAt(page, 0);
      for (const [key, stop] of [
        ['ArrowRight', 1],
        ['End', 3],
        ['ArrowLeft', 2],
        ['Home', 0],
      ] as const) {
        await page.keyboard.press(key);
        await standsAt(page, stop);
      }
      // Faster than the figure is drawn: the last key wins. On the way stop 2 is reached once before.
      const keys = ['End', 'ArrowLeft', 'Home', 'ArrowRight', 'ArrowRight'];
      await Promise.all(keys.map((key) => page.keyboard.press(key)));
      await standsAt(page, 2);
      assert.deepEqual(failed, []);
      await page.context().close();
    });

    test(`in ${where}, on a phone, a finger moves it`, async () => {
      const page = await open(finger);
      const slider = page.getByRole('slider', { name: 'lambda_l0' });
      await slider.scrollIntoViewIfNeeded();
      await standsAt(page, 0);
      const { x, y, width, height } = (await slider.boundingBox())!;
      await page.touchscreen.tap(x + 0.67 * width, y + height / 2);
      await standsAt(page, 2);
      const touch = await page.context().newCDPSession(page);
      const points = [0.67, 0.8, 0.9, 0.99].map((share) => [{ x: x + share * width, y: y + height / 2 }]);
      await touch.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: points[0] });
      for (const at of points.slice(1))
        await touch.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: at });
      await touch.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
      await standsAt(page, 3);
      await page.context().close();
    });
  }
});
