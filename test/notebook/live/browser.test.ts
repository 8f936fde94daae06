import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import type { Browser, BrowserContextOptions, Page as Tab } from 'playwright-core';
import { notebookText, readNotebook } from 'sparsebook/notebook/run/notebookFile.js';
import type { Notebook, Output } from 'sparsebook/notebook/run/notebook.js';
import { launchChromium, skipWithoutChromium } from '../report/chromium.ts';
import { codeCell, notebookOf } from '../report/fixture.ts';
import { payloads } from '../render/payloads.ts';
import { fresh, Site, smallNotebook } from './site.ts';
import { cell, holds, kernelIs, shows, type Visit, visitNotebook } from './tab.ts';

/** Outputs that try to run, to load and to break out, in every format that pages show. */
function hostileOutputs(): Output[] {
  const display = (data: Record<string, unknown>): Output => ({ output_type: 'display_data', data, metadata: {} });
  const figure = {
    data: [{ x: [1, 2], y: [1, 2], name: payloads.join(''), text: payloads, hovertemplate: payloads[0] }],
    layout: {
      title: { text: payloads.join(' ') },
      xaxis: { title: { text: '<a href="javascript:hacked=1">x</a>' } },
      annotations: payloads.slice(0, 20).map((text) => ({ text, x: 1, y: 1 })),
      images: [{ source: 'https://elsewhere.example/x.png', x: 0, y: 1 }],
      meta: { alt: payloads.join('') },
    },
  };
  return [
    display({ 'application/vnd.plotly.v1+json': figure, 'text/plain': payloads.join('') }),
    display({ 'text/html': payloads.join('') }),
    ...payloads.flatMap((payload) => [display({ 'text/html': payload }), display({ 'text/markdown': payload })]),
    display({ 'image/svg+xml': `<svg xmlns="http://www.w3.org/2000/svg">${payloads.join('')}</svg>` }),
    { output_type: 'stream', name: 'stdout', text: payloads.join('\n') },
    { output_type: 'error', ename: payloads[0], evalue: payloads[1], traceback: [...payloads] },
  ];
}

describe('a notebook in a browser', { skip: skipWithoutChromium }, () => {
  let site: Site;
  let browser: Browser;

  before(async () => {
    const hostile = notebookOf(
      codeCell('1', { id: 'hostile', outputs: hostileOutputs() }),
      { cell_type: 'markdown', id: 'text', metadata: {}, source: payloads.join('\n\n') },
      fresh('parameters', `const a = 1; // <img src=x onerror=hacked=1> ${payloads[0].replaceAll('\n', ' ')}`, [
        'parameters',
      ]),
    );
    site = await Site.open({
      'small.ipynb': smallNotebook(),
      'hostile.ipynb': hostile,
      'second.ipynb': smallNotebook(),
    });
    browser = await launchChromium();
  });
  after(async () => {
    await browser.close();
    await site.close();
  });

  /** A site for one test only, closed when the test ends. */
  async function ownSite(t: TestContext, notebook: Notebook): Promise<Site> {
    const own = await Site.open({ 'own.ipynb': notebook });
    t.after(() => own.close());
    return own;
  }

  const visit = (notebook: string, options: BrowserContextOptions = {}, of = site): Promise<Visit> =>
    visitNotebook(browser, of, notebook, options);
  const order = (tab: Tab): Promise<string[]> =>
    tab
      .locator('.cell')
      .evaluateAll((cells) => cells.map((one) => (one as unknown as { dataset: { id: string } }).dataset.id));
  const selected = (tab: Tab): Promise<string | null> => tab.locator('.cell.selected').getAttribute('data-id');

  test('lambda moves, the curve is redrawn, and interrupt, restart, save and reload keep the state', async () => {
    const { tab, incidents } = await visit('small.ipynb');
    assert.doesNotMatch(tab.url(), /token/);
    const slider = tab.getByRole('slider', { name: 'lambda_l0' });
    const run = tab.locator('#panel').getByRole('button', { name: 'Apply' });
    await slider.fill('40');
    await run.click();
    await shows(tab, 'curve', 'Curve for 40');
    assert.match(await cell(tab, 'parameters').locator('.cm-content').innerText(), /lambda_l0 = 40; \/\/ the penalty/);
    await tab.waitForSelector('.cell[data-id="endless"][data-state="running"]');
    const line = cell(tab, 'curve').locator('.plot.drawn .scatterlayer path.js-line');
    await line.waitFor();
    const figure = await cell(tab, 'curve').locator('.plot').elementHandle();

    await shows(tab, 'endless', 'started');
    await tab.locator('.tools').getByRole('button', { name: 'Interrupt' }).click();
    await shows(tab, 'endless', 'the cell was interrupted');
    await kernelIs(tab, 'idle');

    const drawn = (): Promise<unknown> => tab.evaluate("document.querySelector('.plot').data[0].y.join()");
    assert.equal(await drawn(), '0,3,40');
    await slider.fill('10');
    await run.click();
    await shows(tab, 'curve', 'Curve for 10');
    await holds(tab, "document.querySelector('.plot').data[0].y.join() === '0,3,10'");
    assert.equal(
      await figure?.evaluate((plot) => (plot as { isConnected: boolean }).isConnected),
      true,
      'redrawn in place',
    );

    await cell(tab, 'title').click();
    await tab.keyboard.press('0');
    await tab.keyboard.press('0');
    await kernelIs(tab, 'starting');
    await kernelIs(tab, 'idle');
    await tab.keyboard.press('Control+s');
    await tab.waitForSelector('#saved[data-state="saved"]');
    assert.match(JSON.stringify(site.saved('small.ipynb')), /lambda_l0 = 10;.*Curve for 10/);

    await tab.reload();
    await shows(tab, 'curve', 'Curve for 10');
    await shows(tab, 'endless', 'the cell was interrupted');
    assert.equal(await slider.inputValue(), '10');
    await line.waitFor();
    await tab.waitForSelector('#saved[data-state="saved"]');
    assert.deepEqual(incidents, []);
    await tab.context().close();
  });

  test('notebook 01 opens with its saved figures, its lambda moves, and its parameters run', async (t) => {
    const own = await ownSite(t, await readNotebook('notebooks/01-l0-googlenet.ipynb'));
    const { tab } = await visit('own.ipynb', {}, own);
    await tab.locator('.plot').first().scrollIntoViewIfNeeded();
    await tab.locator('.plot.drawn').first().waitFor();
    await tab.getByRole('slider', { name: 'lambda_l0' }).fill('30');
    await cell(tab, 'parameters').getByText('30').first().waitFor();
    await cell(tab, 'parameters').locator('.run').click();
    await tab.waitForSelector('.cell[data-id="parameters"][data-state="idle"] .count:text-is("[1]")');
    await tab.context().close();
  });

  test('Jupyter’s keys work as in Jupyter, and everything can be reached by keyboard', async () => {
    const { tab, incidents } = await visit('second.ipynb');
    await tab.keyboard.press('Tab');
    assert.equal(await tab.evaluate('document.activeElement.className'), 'skip');
    await tab.keyboard.press('Enter');
    await holds(tab, "document.activeElement.dataset.id === 'title'");
    await tab.keyboard.press('j');
    await tab.keyboard.press('j');
    await tab.keyboard.press('k');
    assert.equal(await selected(tab), 'parameters');
    await tab.keyboard.press('Shift+Enter');
    assert.equal(await selected(tab), 'curve');
    await tab.waitForSelector('.cell[data-id="parameters"] .count:text-is("[1]")');

    await tab.keyboard.press('a');
    await holds(tab, "document.querySelectorAll('.cell').length === 6");
    const [, , made] = await order(tab);
    await holds(tab, `document.activeElement.dataset.id === '${made}'`);
    assert.equal(await selected(tab), made);
    await tab.keyboard.press('Enter');
    await tab.keyboard.type('const twice = 2 * lambda_l0;\ntwice');
    await tab.keyboard.press('Control+Enter');
    await shows(tab, made, '40');
    assert.equal(await tab.evaluate('document.activeElement.dataset.id'), made, 'in command mode again');

    await tab.keyboard.press('m');
    await tab.waitForSelector(`.cell[data-id="${made}"][data-type="markdown"]`);
    await tab.keyboard.press('Enter');
    await tab.keyboard.press('Control+a');
    await tab.keyboard.type('A *written* formula $x^2$');
    await tab.keyboard.press('Escape');
    await cell(tab, made).locator('.prose em').waitFor();
    await cell(tab, made).locator('.prose .katex').waitFor();
    await tab.keyboard.press('y');
    await tab.waitForSelector(`.cell[data-id="${made}"][data-type="code"]`);

    await tab.keyboard.press('d');
    await tab.keyboard.press('d');
    await holds(tab, "document.querySelectorAll('.cell').length === 5");
    await tab.keyboard.press('z');
    await holds(tab, "document.querySelectorAll('.cell').length === 6");
    await tab.evaluate(`new MutationObserver(() => (focused = document.activeElement.dataset.id))
      .observe(document.getElementById('cells'), { childList: true })`);
    const moved = await selected(tab);
    await tab.keyboard.press('Control+Shift+ArrowUp');
    await holds(tab, 'globalThis.focused !== undefined');
    assert.equal(await tab.evaluate('focused'), moved, 'a cell that is moved keeps the keyboard');
    await tab.keyboard.press('h');
    await tab.getByRole('dialog', { name: 'Keys' }).waitFor();
    await tab.keyboard.press('Escape');
    assert.deepEqual(incidents, []);
    await tab.context().close();
  });

  test('search results are shown even in folded parts; a focused switch follows the document', async (t) => {
    const details = '<details><summary>More</summary>\n\nA needle.\n\n</details>';
    const folded = notebookOf(
      { cell_type: 'markdown', id: 'closed', metadata: {}, source: details },
      codeCell('1', {
        id: 'hidden',
        outputs: [{ output_type: 'stream', name: 'stdout', text: 'a second needle' }],
        metadata: { tags: ['hide-output'] },
      }),
      fresh('parameters', 'const flip = true; // or not', ['parameters']),
    );
    const { tab, incidents } = await visit('own.ipynb', {}, await ownSite(t, folded));
    await tab.keyboard.press('Control+f');
    await tab.keyboard.type('needle');
    await tab.locator('.said:text-is("1 of 2")').waitFor();
    await cell(tab, 'closed').getByText('A needle.').waitFor();
    await tab.keyboard.press('Enter');
    await cell(tab, 'hidden').getByText('a second needle').waitFor();
    await tab.keyboard.press('Escape');

    const flip = tab.getByLabel('flip');
    await flip.focus();
    await tab.keyboard.press('Space');
    await shows(tab, 'parameters', 'false');
    // Clicks without moving the focus, like another tab or a browser that does not focus clicked buttons.
    await tab.getByText('Reset to defaults').evaluate((reset) => (reset as unknown as { click(): void }).click());
    await shows(tab, 'parameters', 'true');
    await holds(tab, "document.activeElement.type === 'checkbox' && document.activeElement.checked");
    assert.deepEqual(incidents, []);
    await tab.context().close();
  });

  test('the kernel completes typed code, and describes a name', async () => {
    const { tab } = await visit('second.ipynb');
    await cell(tab, 'parameters').locator('.run').click();
    await tab.waitForSelector('.cell[data-id="parameters"] .count:text-matches("\\\\d")');
    await kernelIs(tab, 'idle');
    await cell(tab, 'other').locator('.cm-content').click();
    await tab.keyboard.press('Control+a');
    await tab.keyboard.type('lambda_');
    const option = tab.locator('.cm-tooltip-autocomplete').getByText('lambda_l0');
    await option.waitFor();
    await tab.keyboard.press('Escape');
    await tab.keyboard.type('l0');
    await tab.keyboard.press('Shift+Tab');
    await tab.locator('.inspection', { hasText: 'const lambda_l0' }).waitFor();
    await tab.context().close();
  });

  test('two tabs show the same; a file changed on disk brings up a question; a stopped server is reported', async (t) => {
    const own = await ownSite(t, smallNotebook());
    const { tab: one } = await visit('own.ipynb', {}, own);
    const two = await one.context().newPage();
    await two.goto(own.server.address('own.ipynb'));
    await two.waitForSelector('.cell.selected');
    await cell(one, 'other').locator('.cm-content').click();
    await one.keyboard.press('Control+End');
    await one.keyboard.type(' // typed here');
    await cell(two, 'other').getByText('// typed here').waitFor();
    await cell(two, 'other').locator('.cm-content').click();
    await two.keyboard.press('Control+Home');
    await two.keyboard.type('/* and there */ ');
    await cell(one, 'other').getByText('/* and there */').waitFor();

    writeFileSync(join(own.folder, 'own.ipynb'), notebookText(notebookOf(fresh('theirs', '// theirs'))));
    await one.keyboard.press('Control+s');
    const notice = one.locator('.notice[data-matter="conflict"]');
    await notice.getByText('Another program has changed the file').waitFor();
    await notice.getByRole('button', { name: 'Load the file', exact: true }).click();
    for (const tab of [one, two]) await cell(tab, 'theirs').waitFor();
    assert.equal(await one.locator('.cell').count(), 1);
    await notice.waitFor({ state: 'detached' });

    await own.close();
    await one.locator('.notice[data-matter="link"]').getByText('The connection to the server is lost').waitFor();
    await one.context().close();
  });

  test('no payload in an untrusted notebook runs, requests or leaves its place', async () => {
    const { tab, incidents } = await visit('hostile.ipynb');
    await cell(tab, 'hostile').locator('.plot.drawn').waitFor();
    await tab.waitForSelector('#panel:not([hidden])');
    await tab.waitForTimeout(200);
    assert.equal(await tab.evaluate(() => (globalThis as { hacked?: number }).hacked), undefined);
    assert.equal(
      await tab.locator('main script:not([type="application/json"]), main style, main iframe, main form, base').count(),
      0,
    );
    for (const link of await tab.locator('main a').all()) {
      assert.doesNotMatch((await link.getAttribute('href')) ?? '', /^\s*(javascript|vbscript|data):/i);
    }
    assert.equal((await tab.locator('main .rich details').count()) > 0, true, 'what is harmless is shown');
    assert.equal(await tab.locator('[data-foreign-html]').count(), 0);
    const handlers = `[...document.querySelectorAll('main *')].flatMap((one) => one.getAttributeNames().filter((name) => /^on/i.test(name)))`;
    assert.deepEqual(await tab.evaluate(handlers), []);
    assert.equal(new URL(await tab.evaluate<string>('document.baseURI')).origin, site.origin);
    // The sandboxed frame that sanitises outputs logs what it blocked; the page itself was never asked to run anything.
    const inFrame =
      /^error: (Blocked script execution in 'about:blank' because the document's frame is sandboxed|Setting the document's base URI)/;
    assert.deepEqual(
      incidents.filter((incident) => !inFrame.test(incident)),
      [],
    );
    await tab.context().close();
  });

  test('on a phone and in the dark nothing is wider than the screen, and rarely used tools are behind a button', async () => {
    const { tab, incidents } = await visit('small.ipynb', {
      viewport: { width: 320, height: 700 },
      colorScheme: 'dark',
    });
    await tab.waitForSelector('#panel:not([hidden])');
    assert.equal(await tab.evaluate('document.documentElement.scrollWidth'), 320);
    assert.equal(await tab.evaluate('getComputedStyle(document.documentElement).backgroundColor'), 'rgb(20, 23, 28)');
    assert.equal(await tab.getByRole('button', { name: 'Restart' }).isVisible(), false);
    await tab.getByRole('button', { name: 'More' }).click();
    assert.equal(await tab.getByRole('button', { name: 'Restart' }).isVisible(), true);
    await tab.goto(site.server.address());
    await tab.getByRole('link', { name: 'A curve to move' }).first().waitFor();
    assert.equal(await tab.evaluate('document.documentElement.scrollWidth'), 320);
    assert.deepEqual(incidents, []);
    // A notebook that cannot be opened: the list shows the reason in its place, even when opened by an old address.
    writeFileSync(join(site.folder, 'broken.ipynb'), '{"cells": [');
    await tab.locator('li', { hasText: 'broken.ipynb' }).getByText('it is not JSON').waitFor();
    await tab.goto(`${site.origin}/notebooks/broken.ipynb`);
    await tab.locator('.notice', { hasText: 'it is not JSON' }).waitFor();
    await tab.goto(`${site.origin}/notebooks/gone.ipynb`);
    await tab.getByText("'gone.ipynb' does not exist").waitFor();
    await tab.getByRole('link', { name: 'A curve to move' }).first().waitFor();
    rmSync(join(site.folder, 'broken.ipynb'));
    await tab.context().close();
  });
});
