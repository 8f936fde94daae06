import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { renderReport } from 'sparsebook/notebook/report/renderReport.js';
import type { Output } from 'sparsebook/notebook/run/notebook.js';
import { figures } from '../../plots/sampleFigures.ts';
import { launchChromium, skipWithoutChromium } from './chromium.ts';
import { codeCell, notebookOf } from './fixture.ts';

const display = (data: Record<string, unknown>): Output => ({ output_type: 'display_data', data, metadata: {} });

const table = `<table><caption>A caption that is longer than a phone is wide, and wraps where the screen ends</caption><tbody><tr>${'<td>123456.789</td>'.repeat(12)}</tr></tbody></table>`;

/** Points whose labels overlap if there is little room. */
const crowded = {
  data: [
    {
      type: 'scatter',
      mode: 'markers+text',
      x: [1, 1.1, 1.2, 1.3, 9],
      y: [5, 5.05, 5, 5.1, 1],
      text: ['tune 10', 'tune 20, here', 'target 0.5, here', 'tune 30', 'tune 50'],
      textposition: 'top center',
    },
  ],
  layout: { height: 360 },
};

/** Expressions to evaluate inside the page, as text because this program has only Node's globals. */
const questions = {
  /**
   * Elements that reach beyond the screen, except in a box that scrolls, shows a hint and can be reached by keyboard.
   */
  outside: `[...document.querySelectorAll('body *')].filter((element) => {
    const { right, width } = element.getBoundingClientRect();
    if (width === 0 || right <= innerWidth + 1) return false;
    const box = element.closest('.scroll, .katex-block, pre:not(.output)');
    const style = box && getComputedStyle(box);
    const hinted = style?.overflowX === 'auto' && style.backgroundImage.split('gradient').length > 4 && box.tabIndex === 0;
    return !hinted || box.getBoundingClientRect().right > innerWidth + 1;
  }).map((element) => element.outerHTML.slice(0, 120))`,
  /** Texts of the diagram inside boxes: how many there are, and those that reach out of their box. */
  texts: `(() => {
    const place = document.querySelector('.plot');
    const boxes = [...place.querySelectorAll('.shapelayer path')].map((path) => path.getBoundingClientRect());
    const texts = [...place.querySelectorAll('.annotation text')].flatMap((text) => {
      const { left, right, top, bottom } = text.getBoundingClientRect();
      const [x, y] = [(left + right) / 2, (top + bottom) / 2];
      const box = boxes.find((one) => one.left < x && x < one.right && one.top < y && y < one.bottom);
      if (!box) return [];
      return [box.left <= left && right <= box.right && box.top <= top && bottom <= box.bottom ? '' : text.textContent];
    });
    return { boxes: texts.length, reaching: texts.filter(Boolean) };
  })()`,
  /** Pairs of labels that overlap. */
  meeting: `(() => {
    const shown = [...document.querySelectorAll('.textpoint text')].filter((text) => text.style.visibility !== 'hidden');
    const boxes = shown.map((text) => text.getBoundingClientRect());
    const meet = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
    return boxes.flatMap((a, i) => boxes.slice(0, i).filter((b) => meet(a, b)).map(() => shown[i].textContent));
  })()`,
  /** The colour of the last figure's numbers. */
  ink: `[...document.querySelectorAll('.xtick text')].at(-1).style.fill`,
  /** Whether the first letter of a Hebrew paragraph is right of its last. */
  fromRight: `(() => {
    const [words] = document.querySelector('[id$="rtl"]').childNodes;
    const leftOf = (place) => {
      const range = document.createRange();
      range.setStart(words, place);
      range.setEnd(words, place + 1);
      return range.getBoundingClientRect().left;
    };
    return leftOf(0) > leftOf(words.length - 1);
  })()`,
  caption: `document.querySelector('caption').getBoundingClientRect().right <= innerWidth`,
  curve: `[...document.querySelectorAll('.plot')][1].querySelector('.scatterlayer .js-line').getAttribute('d')`,
};

describe('a report on a phone, by keyboard and on paper', { skip: skipWithoutChromium }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'report-'));
  const file = join(folder, 'page.html');
  let browser: Browser;

  before(async () => {
    const shown = [
      figures.inceptionBlock,
      figures.hardConcreteSlider,
      figures.gatesPerLayer,
      figures.filterScores,
      crowded,
    ];
    const outputs = shown.map((figure) => display({ 'application/vnd.plotly.v1+json': figure }));
    const word = 'AWordWithoutAnEnd'.repeat(30);
    const page = notebookOf(
      {
        cell_type: 'markdown',
        id: 'words',
        metadata: {},
        source: `# ${word}\n\n${word}\n\n- ${word}\n\n> [${word}](${word})\n\n## ${word}\n\n<p id="rtl">מאה 100 (a).</p>`,
      },
      codeCell(`const wide = '${'x'.repeat(200)}';`, { outputs: [display({ 'text/html': table })] }),
      codeCell('show()', { outputs }),
    );
    writeFileSync(file, renderReport(page, { name: 'phone' }));
    browser = await launchChromium();
  });
  after(async () => {
    await browser.close();
    rmSync(folder, { recursive: true });
  });

  async function visit(width: number, colorScheme: 'light' | 'dark'): Promise<Page> {
    const page = await (await browser.newContext({ viewport: { width, height: 800 }, colorScheme })).newPage();
    page.setDefaultTimeout(60_000);
    await page.goto(pathToFileURL(file).href);
    await page.waitForSelector('html[data-figures="drawn"]', { state: 'attached' });
    return page;
  }

  /** Waits until something is true in the page; its policy prevents Playwright's own polling. */
  async function until(page: Page, question: string): Promise<void> {
    for (let tries = 0; tries < 1200; tries++) {
      if (await page.evaluate(question)) return;
      await page.waitForTimeout(50);
    }
    assert.fail(`never true: ${question}`);
  }

  for (const width of [320, 390, 1280]) {
    test(`at ${width} px, light or dark, all is on the screen or scrolls with a hint, texts are in their boxes and labels apart`, async () => {
      const page = await visit(width, 'light');
      for (const colorScheme of ['light', 'dark'] as const) {
        const drawn = await page.evaluate(questions.ink);
        await page.emulateMedia({ colorScheme });
        if (colorScheme === 'dark') await until(page, `${questions.ink} !== ${JSON.stringify(drawn)}`);
        // Hints of scrolling boxes are updated after the page is laid out.
        await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
        assert.deepEqual(await page.evaluate(questions.outside), []);
        assert.equal(await page.evaluate('document.documentElement.scrollWidth'), width);
        assert.deepEqual(await page.evaluate(questions.texts), { boxes: 9, reaching: [] });
        assert.deepEqual(await page.evaluate(questions.meeting), []);
        assert.equal(await page.evaluate(questions.caption), true);
        assert.equal(await page.evaluate(questions.fromRight), true);
      }
      await page.context().close();
    });
  }

  test('a slider of a figure has a name, is moved by the arrow keys and stays when the figure is redrawn', async () => {
    const page = await visit(390, 'dark');
    const slider = page.getByRole('slider', { name: 'log α' });
    const before = await page.evaluate(questions.curve);
    await slider.focus();
    await page.keyboard.press('ArrowRight');
    assert.equal(await slider.getAttribute('aria-valuetext'), '1');
    await until(page, `${questions.curve} !== ${JSON.stringify(before)}`);
    const moved = await page.evaluate(questions.curve);
    const drawn = await page.evaluate(questions.ink);
    await page.getByRole('button', { name: 'Switch to the light theme' }).click();
    await until(page, `${questions.ink} !== ${JSON.stringify(drawn)}`);
    await until(page, `${questions.curve} === ${JSON.stringify(moved)}`);
    assert.equal(await page.locator('.plot .slider-group').count(), 0);
    await page.context().close();
  });

  test('on paper no figure is wider than a sheet or higher than half of one', async () => {
    const page = await visit(390, 'dark');
    await page.emulateMedia({ media: 'print' });
    await page.evaluate("dispatchEvent(new Event('beforeprint'))");
    await until(page, `[...document.querySelectorAll('.plot')].every((place) => place.style.zoom)`);
    await page.waitForTimeout(300);
    const sizes: { width: number; height: number }[] = await page.evaluate(
      `[...document.querySelectorAll('.plot')].map((place) => place.querySelector('.main-svg').getBoundingClientRect()).map(({ width, height }) => ({ width, height }))`,
    );
    for (const { width, height } of sizes) assert.ok(width <= 681 && height <= 450, `${width} x ${height}`);
    await page.context().close();
  });
});
