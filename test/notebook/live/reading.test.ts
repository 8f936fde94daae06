import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page as Tab } from 'playwright-core';
import type { Cell } from 'sparsebook/notebook/run/notebook.js';
import { launchChromium, skipWithoutChromium } from '../report/chromium.ts';
import { notebookOf } from '../report/fixture.ts';
import { fresh, Site, smallNotebook } from './site.ts';
import { cell, holds, kernelIs, shows, visitNotebook } from './tab.ts';

const text = (id: string, source: string): Cell => ({ cell_type: 'markdown', id, metadata: {}, source });

/** A text, parameters, a curve that moves, a cell that depends on lambda, one that does not, and one that fails. */
function movingNotebook(): ReturnType<typeof notebookOf> {
  const [title, parameters, curve, other] = smallNotebook().cells;
  return notebookOf(
    title,
    parameters,
    text('moves', `## 1. What moves with $\\lambda$\n\n${'A long text. '.repeat(400)}`),
    curve,
    text('after', '## 2. What comes of it'),
    fresh('share', "const share = lambda_l0 / 100;\nconsole.log('the share is', share);"),
    other,
    text('end', '## 3. What fails'),
    fresh('fails', "throw new Error('as it should');"),
  );
}

/** The state of a section, by what its heading says. */
const section = (tab: Tab, heading: string): Promise<string | null> =>
  tab.locator('#outline li', { hasText: heading }).locator('.state').getAttribute('data-state');

const pinned = "document.querySelector('#pinned .plot')";

describe("a reader's minute", { skip: skipWithoutChromium }, () => {
  let site: Site;
  let browser: Browser;

  before(async () => {
    site = await Site.open({ 'moving.ipynb': movingNotebook(), 'other.ipynb': movingNotebook() });
    browser = await launchChromium();
  });
  after(async () => {
    await browser.close();
    await site.close();
  });

  /** Runs every cell of a notebook, so that its kernel is warm and there is a run before. */
  async function warm(notebook: string): Promise<void> {
    const { tab } = await visitNotebook(browser, site, notebook);
    await tab.getByRole('button', { name: 'Run all' }).click();
    await shows(tab, 'fails', 'as it should');
    await kernelIs(tab, 'idle');
    await tab.context().close();
  }

  test('three gestures from the list: open, move lambda, Apply; the curve moves in view, and the run before stays behind it', async () => {
    await warm('moving.ipynb');
    const { tab, incidents } = await visitNotebook(browser, site, undefined, {
      viewport: { width: 1280, height: 800 },
    });
    await tab.locator('a[href$="moving.ipynb"]').click();
    await tab.getByRole('slider', { name: 'lambda_l0' }).fill('40');
    await shows(tab, 'curve', 'lambda_l0 changed since this was run');
    assert.equal(await cell(tab, 'other').locator('.warning').isVisible(), false);
    await tab.getByRole('button', { name: 'Apply' }).click();
    await holds(tab, `${pinned}?.data?.[0].y.join() === '0,3,40'`);
    const { top, bottom } = (await tab.evaluate(`${pinned}.getBoundingClientRect().toJSON()`)) as DOMRectInit & {
      top: number;
      bottom: number;
    };
    assert.ok(top > 0 && bottom < 800, `in view: ${top} to ${bottom}`);
    const ghost = `${pinned}.data.find(({ name }) => name === 'before')?.y.join()`;
    assert.equal(await tab.evaluate(ghost), '0,3,20');
    await kernelIs(tab, 'idle');
    await shows(tab, 'share', 'the share is 0.4');
    assert.equal(await tab.locator('.warning.stale:visible').count(), 0);

    await tab.getByRole('checkbox', { name: 'Show the run before' }).uncheck();
    await holds(tab, `${ghost} === undefined && ${pinned}.data.length === 1`);
    await tab.getByRole('checkbox', { name: 'Show the run before' }).check();
    await holds(tab, `${ghost} === '0,3,20'`);
    await tab.locator('#pinned').getByRole('button', { name: 'Unpin' }).click();
    assert.equal(await tab.locator('#pinned').isVisible(), false);
    await tab.getByRole('slider', { name: 'lambda_l0' }).fill('10');
    await tab.getByRole('button', { name: 'Apply' }).click();
    await shows(tab, 'share', 'the share is 0.1');
    assert.equal(await tab.locator('#pinned').isVisible(), false, 'who has unpinned it is not shown it again');
    await cell(tab, 'curve').getByRole('button', { name: 'Pin' }).click();
    await holds(tab, `${pinned}?.data?.[0].y.join() === '0,3,10'`);
    assert.deepEqual(incidents, []);
    await tab.context().close();
  });
});
