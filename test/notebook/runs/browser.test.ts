import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { Locator } from 'playwright-core';
import { begun, start } from '../../training/log/events.ts';
import { sparsebook } from '../../sparsebook.ts';
import { launchChromium, skipWithoutChromium } from '../report/chromium.ts';
import { payloads } from '../render/payloads.ts';
import { logEpoch, loggedRun, RunsSite, until, writeRecord } from './site.ts';

test(
  'choose two runs, see two curves, filter, sort, reload; the curve of a training run moves by itself',
  { skip: skipWithoutChromium },
  async (t) => {
    const site = await RunsSite.open(t, async (root) => {
      for (const [id, lambda, accuracy] of [
        ['net-1a', 10, 0.9],
        ['net-2b', 20, 0.8],
        ['net-3c', 30, 0.7],
      ] as const) {
        const settings = { experiment: 'l0-googlenet', lambda_l0: lambda, lr: 0.1, name: `lambda ${lambda}` };
        await loggedRun(join(root, id), settings);
        writeRecord(join(root, id), { ...settings, accuracy, settings });
      }
      await loggedRun(join(root, 'hostile'), {
        lambda_l0: payloads.join(' '),
        name: payloads.join(' '),
        tags: payloads,
      });
      mkdirSync(join(root, 'torn'));
      writeFileSync(join(root, 'torn', 'settings.json'), payloads[0]);
    });
    const browser = await launchChromium();
    t.after(() => browser.close());
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    context.setDefaultTimeout(60_000);
    const tab = await context.newPage();
    const incidents: string[] = [];
    const { origin } = new URL(site.address);
    tab.on('request', (request) => {
      if (!request.url().startsWith(origin)) incidents.push(`request ${request.url()}`);
    });
    tab.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) incidents.push(message.text());
    });
    tab.on('pageerror', (error) => incidents.push(error.message));
    const rows = async (): Promise<string[]> =>
      tab
        .locator('tbody tr')
        .evaluateAll((all) => all.map((row) => (row as unknown as { dataset: { run: string } }).dataset.run));
    const box = (id: string): Locator => tab.locator(`[data-run="${id}"] input`);
    const curves = (figure: string): Locator =>
      tab.locator(`[data-figure="${figure}"] .scatterlayer .trace path.js-line`);
    const shape = (figure: string): Promise<string> => curves(figure).first().getAttribute('d').then(String);

    await tab.goto(site.address);
    await tab.waitForSelector('[data-figure="validation"] .main-svg');
    assert.deepEqual(await rows(), ['torn', 'hostile', 'net-3c', 'net-2b', 'net-1a'], 'the newest first');
    assert.match(await tab.locator('[data-run="torn"] .fault').innerText(), /settings\.json is not JSON/);
    await until(
      () => curves('validation').count(),
      (count) => count === 4,
    );
    for (const id of ['hostile', 'net-3c']) await box(id).click();
    await until(
      () => curves('validation').count(),
      (count) => count === 2,
    );
    assert.equal(await curves('loss').count(), 2);
    assert.deepEqual(await tab.locator('#chosen li').allInnerTexts(), ['lambda 20\n×', 'lambda 10\n×']);

    await tab.fill('#filter', 'LAMBDA_L0=20');
    assert.deepEqual(await rows(), ['net-2b']);
    assert.equal(await tab.locator('#count').innerText(), '1 of 5 runs');
    assert.equal(await curves('validation').count(), 2, 'what is chosen stays');
    await tab.fill('#filter', 'net-');
    await tab.getByRole('button', { name: 'lambda_l0' }).click();
    assert.deepEqual(await rows(), ['net-3c', 'net-2b', 'net-1a']);
    assert.equal(await tab.getByRole('button', { name: 'lr', exact: true }).count(), 0, 'in it they do not differ');
    await tab.keyboard.press('Enter');
    assert.deepEqual(await rows(), ['net-1a', 'net-2b', 'net-3c'], 'the head keeps the focus');

    const [download] = await Promise.all([
      tab.waitForEvent('download'),
      tab.getByRole('button', { name: 'CSV' }).click(),
    ]);
    const printed = await sparsebook(['runs', '--csv', 'net-1a', 'net-2b', 'net-3c'], {
      SPARSEBOOK_DATA: dirname(site.root),
    }).ended;
    assert.equal(readFileSync(await download.path(), 'utf8'), printed.stdout);

    await tab.reload();
    await until(
      () => curves('validation').count(),
      (count) => count === 2,
    );
    assert.deepEqual(await rows(), ['net-1a', 'net-2b', 'net-3c']);
    assert.equal(await tab.inputValue('#filter'), 'net-');
    assert.doesNotMatch(tab.url(), /token/);

    const run = await begun(join(site.root, 'net-4d'), { experiment: 'l0-googlenet', lambda_l0: 40, lr: 0.1 });
    t.after(() => run.close());
    await run.log(start());
    for (const epoch of [0, 1]) await logEpoch(run, epoch);
    await tab.waitForSelector('[data-run="net-4d"] [data-state="training"]');
    await tab.fill('#filter', 'state:training');
    assert.deepEqual(await rows(), ['net-4d']);
    for (const id of ['lambda 20', 'lambda 10'])
      await tab.getByRole('button', { name: `Hide the curves of ${id}` }).click();
    await box('net-4d').focus();
    await tab.keyboard.press('Space');
    await until(
      () => curves('validation').count(),
      (count) => count === 1,
    );
    const before = await shape('loss');
    for (const epoch of [2, 3]) await logEpoch(run, epoch);
    await until(
      () => shape('loss'),
      (now) => now !== before,
    );
    await until(
      () => tab.locator('[data-run="net-4d"] td').nth(1).innerText(),
      (epochs) => epochs === '4',
    );
    assert.ok((await box('net-4d').and(tab.locator(':focus')).count()) === 1, 'what changes leaves the focus alone');

    await tab.setViewportSize({ width: 390, height: 800 });
    // A phone needs no sideways scrolling once the figure has been redrawn at its width.
    await until(
      () => tab.evaluate('document.documentElement.scrollWidth <= innerWidth'),
      (fits) => fits === true,
    );
    assert.equal(await tab.evaluate('window.hacked'), undefined);
    assert.deepEqual(incidents, []);
  },
);
