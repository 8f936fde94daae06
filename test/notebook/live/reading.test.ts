import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page as Tab } from 'playwright-core';
import type { Cell } from 'sparsebook/notebook/run/notebook.js';
import { launchChromium, skipWithoutChromium } from '../report/chromium.ts';
import { notebookOf } from '../report/fixture.ts';
import { fresh, Site, smallNotebook } from './site.ts';
import { cell, holds, kernelIs, shows, visitNotebook } from './tab.ts';

const text = (id: string, source: string): Cell => ({ cell_type: 'markdown', id, metadata: {}, source });

/** As long as a file of this name is beside the notebook, the curve's cell keeps running. */
const HOLD = 'hold';

const holding = `
import { existsSync } from 'node:fs';
while (existsSync('${HOLD}')) await new Promise((resolve) => setTimeout(resolve, 20));`;

/**
 * A text, parameters, a curve that moves, a cell that depends on lambda, a cell that does not, and a cell that fails.
 */
function movingNotebook(): ReturnType<typeof notebookOf> {
  const [title, parameters, curve, other] = smallNotebook().cells;
  return notebookOf(
    title,
    parameters,
    text('moves', `## 1. What moves with $\\lambda$\n\n${'A long text. '.repeat(400)}`),
    { ...curve, source: `${String(curve.source)}${holding}` },
    text('after', '## 2. What comes of it'),
    fresh('share', "const share = lambda_l0 / 100;\nconsole.log('the share is', share);"),
    other,
    text('end', '## 3. What fails'),
    fresh('fails', "throw new Error('as it should');"),
  );
}

/** The state of a section, found by its heading. */
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

  /** Runs every cell of a notebook, so that its kernel is warm and there is a previous run. */
  async function warm(notebook: string): Promise<void> {
    const { tab } = await visitNotebook(browser, site, notebook);
    await tab.getByRole('button', { name: 'Run all' }).click();
    await shows(tab, 'fails', 'as it should');
    await kernelIs(tab, 'idle');
    await tab.context().close();
  }

  test('three gestures from the list: open, move lambda, Apply; the curve moves in view, with the previous run behind it', async () => {
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
    const { y, height } = (await tab.locator('#pinned .plot').boundingBox())!;
    assert.ok(y > 0 && y + height < 800, `in view: ${y} to ${y + height}`);
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
    assert.equal(await tab.evaluate(ghost), '0,3,40', 'of the run before, and of none before that');
    assert.deepEqual(incidents, []);
    await tab.context().close();
  });

  test('sections show their state, and the running cell is in the bar and followed until the reader scrolls', async () => {
    const { tab, incidents } = await visitNotebook(browser, site, 'other.ipynb');
    assert.equal(await section(tab, '1. What moves'), 'idle');
    const hold = join(site.folder, HOLD);
    writeFileSync(hold, '');
    await tab.getByRole('button', { name: 'Run all' }).click();
    await tab.waitForSelector('.cell[data-id="curve"][data-state="running"]');
    const running = tab.locator('#running');
    await running.getByText('1. What moves with').waitFor();
    assert.match(await running.innerText(), /2 of 5/);
    assert.equal(await section(tab, '1. What moves'), 'running');
    assert.equal(await section(tab, '3. What fails'), 'queued');
    const inView = (id: string): string =>
      `(({ top, bottom }) => bottom > 0 && top < innerHeight)(document.querySelector('[data-id="${id}"]').getBoundingClientRect())`;
    await holds(tab, inView('curve'));
    rmSync(hold);
    await shows(tab, 'fails', 'as it should');
    await kernelIs(tab, 'idle');
    assert.equal(await section(tab, '2. What comes of it'), 'done');
    assert.equal(await section(tab, '3. What fails'), 'failed');
    assert.equal(await running.isVisible(), false);

    await tab.evaluate('scrollTo(0, 0)');
    writeFileSync(hold, '');
    await tab.getByRole('button', { name: 'Run all' }).click();
    await holds(tab, inView('curve'));
    await tab.mouse.move(800, 600);
    await tab.mouse.wheel(0, -5000);
    await running.getByText('Follow').waitFor();
    await holds(tab, 'scrollY === 0');
    rmSync(hold);
    await shows(tab, 'fails', 'as it should');
    await kernelIs(tab, 'idle');
    assert.equal(await tab.evaluate('scrollY'), 0, 'who reads elsewhere is left there');
    assert.equal(await tab.evaluate(inView('fails')), false);

    await tab.getByRole('button', { name: 'Outline' }).click();
    await tab.locator('#outline').getByRole('link', { name: '3. What fails' }).click();
    await holds(tab, inView('fails'));
    assert.equal(await tab.evaluate('document.activeElement.dataset.id'), 'end');

    const place = async (): Promise<number> => Math.round((await cell(tab, 'end').boundingBox())!.y);
    const [stood, count] = [await place(), await cell(tab, 'curve').locator('.count').textContent()];
    await site.command('other.ipynb', { do: 'run', ids: ['curve'] });
    const places = new Set<number>();
    while ((await cell(tab, 'curve').locator('.count').textContent()) === count) places.add(await place());
    await kernelIs(tab, 'idle');
    assert.deepEqual([...places.add(await place())], [stood], 'what runs above does not move what is read');
    assert.deepEqual(incidents, []);
    await tab.context().close();
  });

  test('by keyboard alone: find, pin, run what a cell needs and what depends on it, menus', async () => {
    const { tab, incidents } = await visitNotebook(browser, site, 'other.ipynb');
    await tab.keyboard.press('Control+f');
    await tab.keyboard.type('THE SHARE');
    const said = tab.locator('#search .said');
    await said.getByText('1 of 2').waitFor();
    await tab.keyboard.press('Enter');
    await said.getByText('2 of 2').waitFor();
    await tab.keyboard.press('Enter');
    await said.getByText('1 of 2').waitFor();
    await tab.keyboard.press('Escape');
    await holds(tab, "document.activeElement.dataset.id === 'share'");

    await tab.keyboard.press('k');
    await tab.keyboard.press('k');
    await tab.keyboard.press('p');
    await holds(tab, `${pinned}?.data?.[0].y.join() === '0,3,20'`);
    await tab.keyboard.press('p');
    assert.equal(await tab.locator('#pinned').isVisible(), false);

    const count = (id: string): Promise<string | null> => cell(tab, id).locator('.count').textContent();
    const before = await Promise.all(['share', 'other', 'curve'].map(count));
    await tab.getByRole('slider', { name: 'lambda_l0' }).focus();
    await tab.keyboard.press('ArrowRight');
    await shows(tab, 'share', 'lambda_l0 changed since this was run');
    await cell(tab, 'share').focus();
    await tab.keyboard.press('n');
    await shows(tab, 'share', 'the share is 0.21');
    await kernelIs(tab, 'idle');
    assert.deepEqual((await Promise.all(['share', 'other', 'curve'].map(count))).slice(1), before.slice(1));
    await cell(tab, 'parameters').focus();
    await tab.keyboard.press('t');
    await shows(tab, 'curve', 'Curve for 21');
    await kernelIs(tab, 'idle');

    await tab.getByRole('button', { name: 'File', exact: true }).focus();
    await tab.keyboard.press('Enter');
    await tab.keyboard.press('Tab');
    assert.equal(await tab.evaluate('document.activeElement.textContent'), 'New notebook');
    await tab.keyboard.press('Escape');
    assert.equal(await tab.locator('#file').isVisible(), false);
    assert.deepEqual(incidents, []);
    await tab.context().close();
  });

  test('changes are a draft until they are saved; parameters can be reset; the kernel’s variables are listed', async () => {
    const { tab, incidents } = await visitNotebook(browser, site, 'moving.ipynb');
    const [slider, reset] = [tab.getByRole('slider', { name: 'lambda_l0' }), tab.getByText('Reset to defaults')];
    await slider.fill('33');
    await shows(tab, 'parameters', '33');
    await tab.getByText('draft, not saved into the notebook').waitFor();
    await tab.locator('.parameter.changed').getByText('was 20').waitFor();
    await tab.keyboard.press('Control+s');
    await tab.waitForSelector('#saved[data-state="saved"]');
    assert.match(JSON.stringify(site.saved('moving.ipynb')), /lambda_l0 = 33/);
    await reset.click();
    await holds(tab, `document.querySelector('input[type="range"]').value === '20'`);
    await tab.locator('.parameter.changed').waitFor({ state: 'detached' });
    assert.equal(await reset.isEnabled(), false);
    await tab.getByRole('button', { name: 'Discard' }).click();
    await tab.waitForSelector('#saved[data-state="saved"]');
    await holds(tab, `document.querySelector('input[type="range"]').value === '33'`);
    assert.deepEqual(
      incidents.map((incident) => incident.slice(0, 14)),
      ['dialog Go back'],
    );

    await tab.getByText('Variables').click();
    await tab.locator('.variables li', { hasText: 'lambda_l0' }).getByText('number').waitFor();
    await tab.context().close();
  });

  test('errors of TypeScript are underlined while code is typed', async () => {
    const { tab } = await visitNotebook(browser, site, 'other.ipynb');
    await cell(tab, 'other').focus();
    await tab.keyboard.press('Enter');
    await tab.keyboard.press('Control+a');
    await tab.keyboard.type("const wrong: number = 'a text';");
    await cell(tab, 'other').locator('.cm-lintRange-error').waitFor();
    await tab.keyboard.press('F8');
    await tab.getByText("Type 'string' is not assignable to type 'number'").first().waitFor();
    await tab.context().close();
  });

  test('a notebook can be created, copied, renamed, and downloaded as a file or as its report', async () => {
    const { tab, incidents } = await visitNotebook(browser, site, undefined);
    const choose = async (name: string): Promise<void> => {
      await tab.getByRole('button', { name: 'File', exact: true }).click();
      await tab.locator('#file').getByRole('button', { name }).click();
    };
    await tab.getByRole('button', { name: 'New notebook' }).click();
    await tab.waitForSelector('.cell.selected');
    const made = await tab.locator('.name').innerText();
    await choose('Duplicate');
    await tab.waitForSelector(`.name:not(:text-is("${made}"))`);
    await tab.waitForSelector('.cell.selected');
    await choose('Rename');
    await tab.getByRole('dialog').getByRole('textbox').fill('renamed.ipynb');
    await tab.keyboard.press('Enter');
    await tab.waitForSelector('.name:text-is("renamed.ipynb")');
    for (const [act, name] of [
      ['Download', 'renamed.ipynb'],
      ['Export report', 'renamed.html'],
    ]) {
      const download = tab.waitForEvent('download');
      await choose(act);
      assert.equal((await download).suggestedFilename(), name);
    }
    assert.deepEqual(incidents, []);
    await tab.context().close();
  });

  test('on a phone, in the dark, the pinned figure is below the sliders and nothing is wider than the screen', async () => {
    const { tab, incidents } = await visitNotebook(browser, site, 'moving.ipynb', {
      viewport: { width: 390, height: 844 },
      colorScheme: 'dark',
      hasTouch: true,
    });
    await cell(tab, 'curve').getByRole('button', { name: 'Pin' }).click();
    await tab.evaluate('scrollTo(0, 0)');
    await tab.waitForSelector('#pinned .plot.drawn');
    const [sliders, figure] = [tab.locator('#panel'), tab.locator('#pinned')].map((part) => part.boundingBox());
    const [end, start] = [await sliders.then((box) => box!.y + box!.height), await figure.then((box) => box!.y)];
    assert.ok(end <= start && start < 844, `${start} is below ${end}, on the screen`);
    assert.equal(await tab.evaluate('document.documentElement.scrollWidth'), 390);
    await tab.getByRole('button', { name: 'Outline' }).click();
    await tab.locator('#outline').getByRole('link', { name: '2. What comes of it' }).click();
    assert.equal(await tab.locator('#outline').isVisible(), false);
    assert.deepEqual(incidents, []);
    await tab.context().close();
  });
});
