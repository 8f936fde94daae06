import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Browser, Locator, Page } from 'playwright-core';
import { notebookText } from 'sparsebook/notebook/run/notebookFile.js';
import { runNotebook } from 'sparsebook/notebook/run/runNotebook.js';
import { payloads } from '../render/payloads.ts';
import { incidentsOf, launchChromium, skipWithoutChromium } from '../report/chromium.ts';
import { printed as printedBy, saved } from '../run/runs.ts';
import { ended, hostile, late, notebook, numbers, plain, run, setParameter } from './fixture.ts';
import { training, writePage, wrong, wrongs } from './fixture.ts';

const root = new URL('../../..', import.meta.url).pathname;

type Visit = { page: Page; incidents: string[]; at: (id: string) => Locator };
describe('a page that runs', { skip: skipWithoutChromium }, () => {
  // Inside the project, so that cells find the library's types.
  mkdirSync(join(root, 'data'), { recursive: true });
  const folder = mkdtempSync(join(root, 'data', 'page-'));
  let browser: Browser;
  /** One for all tests: a second page in the same tab takes half as long as the first one. */
  let tab: Page;

  before(async () => {
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    // Written one after another, while the compiler for cells is still running.
    const pages = { squares: notebook, hostile, late, wrong, plain, numbers };
    for (const [name, one] of Object.entries(pages)) await writePage(folder, name, one);
    browser = await launchChromium();
    const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, offline: true });
    context.setDefaultTimeout(120_000);
    tab = await context.newPage();
  });
  after(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true });
  });

  /** Opens a page as a reader would, offline. Incidents are requests, console errors and uncaught exceptions. */
  async function visit(name: string, there = '.panel .parameter'): Promise<Visit> {
    const address = pathToFileURL(join(folder, `${name}.html`)).href;
    await tab.removeAllListeners().goto('about:blank');
    const incidents = incidentsOf(tab, (url) => url === address);
    await tab.goto(address);
    await tab.locator(there).first().waitFor();
    const at = (id: string): Locator => tab.locator(`#cell-${notebook.cells.findIndex((one) => one.id === id) + 1}`);
    return { page: tab, incidents, at };
  }

  /** Opens a page before the tests of a group; the returned function gives the page to the tests. */
  function visitOnce(name: string, prepare: (visited: Visit) => Promise<void> = async () => {}): () => Visit {
    let visited: Visit;
    before(async () => {
      visited = await visit(name);
      await prepare(visited);
    });
    return () => visited;
  }

  const shownIn = (section: Locator): Locator => section.locator('.saved:visible, .outputs:visible');
  const texts = (section: Locator): Promise<string[]> => shownIn(section).locator('pre.output').allTextContents();
  const notes = (section: Locator): Promise<string[]> => section.locator('.note:visible').allTextContents();

  describe('run as it was saved', () => {
    /** The notes of cells before any of them ran. */
    const unrun: Record<string, string[]> = {};
    const visited = visitOnce('squares', async ({ page, at }) => {
      for (const id of ['file', 'reader', 'late']) unrun[id] = await notes(at(id));
      await run(page);
    });

    test('it shows what the report shows, and says where that was computed', async () => {
      const { incidents, at } = visited();
      // Ignores numbers of figures, images and the order of attributes, which scripts write.
      const rendered = (section: Locator, of: string): Promise<string> =>
        section.locator(of).evaluate((outputs) => {
          const copy = (outputs as unknown as { cloneNode(deep: true): Tree }).cloneNode(true);
          for (const place of copy.querySelectorAll('.plot')) place.replaceWith('figure');
          for (const place of copy.querySelectorAll('.output-place, [data-foreign-html]'))
            place.replaceWith(...place.childNodes);
          for (const figure of copy.querySelectorAll('figure')) figure.removeAttribute('id');
          for (const number of copy.querySelectorAll('.figure-number')) number.replaceWith();
          return copy.innerHTML.replace(/\s+/g, ' ').replace(/> </g, '><').trim();
        });
      for (const id of ['squares', 'figure', 'value', 'kept', 'saved', 'word', 'after']) {
        assert.equal(await rendered(at(id), '.outputs'), await rendered(at(id), '.saved'), id);
        assert.match(
          (await at(id).locator('.mark').textContent())!,
          /^in this page, Chromium \d+, 1 thread, \d+:\d\d/,
          id,
        );
      }
      assert.deepEqual(incidents, []);
    });

    test('a cell that needs Node names the module beside its saved output, before or when it runs, and so do cells that need it', async () => {
      const { incidents, at } = visited();
      const saved = 'what stands below is saved.';
      assert.deepEqual(unrun.file, [`node:fs needs Node; ${saved}`]);
      assert.match(unrun.reader[0], /^it uses what “.*” makes: node:fs needs Node; /);
      assert.deepEqual(unrun.late, []);
      assert.deepEqual(await notes(at('late')), [`node:os needs Node; ${saved}`]);
      for (const [id, text] of [
        ['file', 'from a disk'],
        ['reader', '12'],
        ['late', 'late'],
      ]) {
        assert.deepEqual(await texts(at(id)), [text]);
        assert.equal(await at(id).locator('.mark').isVisible(), false);
      }
      assert.deepEqual(await texts(at('after')), ['after quiet'], 'the others run');
      assert.equal(await at('after').locator('.mark').isVisible(), true);
      assert.deepEqual(incidents, []);
    });
  });

  describe('as its parameters change', () => {
    const visited = visitOnce('squares');

    test('a changed parameter marks dependent cells, Run computes them, and the saved outputs can be shown again', async () => {
      const { page, incidents, at } = visited();
      await setParameter(page, 'n', '5');
      assert.deepEqual(await notes(at('squares')), ['n changed since this was run: what stands below is older.']);
      assert.deepEqual(await notes(at('kept')), []);
      await setParameter(page, 'n', '3');
      assert.deepEqual(await notes(at('squares')), [], 'a change that is taken back leaves no mark');
      await setParameter(page, 'n', '5');
      await run(page);
      assert.deepEqual(await texts(at('squares')), ['0 1 4 9 16']);
      assert.deepEqual(await texts(at('value')), ['{ squares: [ 0, 1, 4, 9, 16 ], steps: [ 1, 2 ] }']);
      assert.equal(await at('kept').locator('.mark').isVisible(), false, 'what does not depend on it does not run');
      assert.equal(await at('after').locator('.mark').isVisible(), false);

      await at('squares').getByRole('button', { name: 'Show the saved ones again' }).click();
      assert.deepEqual(await texts(at('squares')), ['0 1 4']);
      assert.deepEqual(await notes(at('squares')), ['n changed since this was run: what stands below is older.']);
      await at('squares').getByRole('button', { name: 'Show those of this page' }).click();
      assert.deepEqual(await texts(at('squares')), ['0 1 4 9 16']);
      await page.locator('#panel').getByRole('button', { name: 'Show the saved ones again' }).click();
      assert.deepEqual(await texts(at('value')), ['{ squares: [ 0, 1, 4 ], steps: [ 1, 2 ] }']);

      await setParameter(page, 'steps', '[7]');
      await run(page);
      assert.deepEqual(await texts(at('value')), ['{ squares: [ 0, 1, 4, 9, 16 ], steps: [ 7 ] }']);
      assert.deepEqual(incidents, []);
    });

    test('a figure moves in place while its cell runs, in front of the saved curve', async () => {
      const { page, incidents, at } = visited();
      await setParameter(page, 'n', '8');
      await page.getByRole('button', { name: 'Run', exact: true }).click();
      const json = shownIn(at('figure')).locator('script[type="application/json"]');
      const lengths = new Set<number>();
      while (!lengths.has(8)) {
        const written = await json.textContent({ timeout: 60_000 });
        const { data } = JSON.parse(written!) as { data: { y: number[] }[] };
        lengths.add(data[0].y.length);
      }
      assert.ok(lengths.size > 2, `it had ${[...lengths].join(', ')} points`);
      await ended(page);
      // The new curve, and the one from the previous run.
      await shownIn(at('figure')).locator('.plot.drawn .trace').nth(1).waitFor({ state: 'attached' });
      assert.equal(await shownIn(at('figure')).locator('.figure-number').textContent(), 'Figure 1');
      assert.deepEqual(incidents, []);
    });
  });

  describe('as its cells fail and are stopped', () => {
    const visited = visitOnce('squares');

    test('an error is shown and ends the run; later cells keep their saved outputs and run next time', async () => {
      const { page, incidents, at } = visited();
      await setParameter(page, 'word', 'fail');
      await run(page);
      assert.deepEqual(await texts(at('word')), ['TypeError: n is wrong']);
      assert.match((await at('word').locator('.mark').textContent())!, /^ended in an error in this page, /);
      assert.deepEqual(await texts(at('after')), ['after quiet']);
      await setParameter(page, 'word', 'loud');
      await run(page);
      assert.deepEqual(await texts(at('word')), ['loud']);
      assert.deepEqual(await texts(at('after')), ['after loud']);
      assert.deepEqual(incidents, []);
    });

    test('Stop interrupts a cell that awaits, and ends one that does not; Run goes on from there', async () => {
      const { page, incidents, at } = visited();
      for (const [word, said] of [
        ['wait', 'Interrupted: the cell was interrupted'],
        ['deaf', /^Interrupted: it was interrupted and did not heed that; /],
      ] as const) {
        await setParameter(page, 'word', word);
        await page.getByRole('button', { name: 'Run', exact: true }).click();
        await at('word').locator('.mark', { hasText: 'runs in this page' }).waitFor();
        await page.getByRole('button', { name: 'Stop' }).click();
        await ended(page);
        assert.equal(await page.evaluate('document.activeElement.textContent'), 'Run', 'who used the keyboard goes on');
        const [text] = await texts(at('word'));
        if (typeof said === 'string') assert.equal(text, said);
        else assert.match(text, said);
      }
      await setParameter(page, 'word', 'done');
      await run(page);
      assert.deepEqual(await texts(at('word')), ['done']);
      assert.deepEqual(await texts(at('after')), ['after done']);
      assert.deepEqual(incidents, []);
    });
  });

  test('an earlier run is loaded in a page, which says so; its weights are trained there again, to the same bits', async () => {
    const file = join(folder, 'training.ipynb');
    writeFileSync(file, notebookText(training));
    process.env.SPARSEBOOK_DATA = join(folder, 'runs');
    const { fault } = await runNotebook({ notebook: file, parameters: { lambda: 7 } });
    assert.equal(fault, undefined);
    const ran = saved(file);
    for (const name of readdirSync(process.env.SPARSEBOOK_DATA, { recursive: true }) as string[])
      if (name.endsWith('weights.safetensors')) rmSync(join(process.env.SPARSEBOOK_DATA, name));
    // The given value is in its own cell, which is left out of the page.
    await writePage(folder, 'training', { ...ran, cells: ran.cells.filter((_, index) => index !== 1) });
    const { page, incidents } = await visit('training');
    await setParameter(page, 'lambda', '7');
    await run(page);
    assert.equal(await page.locator('#panel .missing').count(), 0, 'the run is there');
    const [gated, hash] = [3, 4].map((n) => page.locator(`#cell-${n}`));
    assert.match((await texts(gated)).join(), /loaded: trained on .*its weights, which are not here/);
    for (const section of [gated, hash])
      assert.match(
        await section.locator('.mark').innerText(),
        /^in this page, .*, from what was trained before: c3-l0-/,
      );
    assert.deepEqual(await texts(hash), [printedBy(ran, 5).trim()]);
    assert.deepEqual(incidents, []);
  });

  test('a cell with failing background work goes on, and a late reply ends no other cell', async () => {
    const { page, incidents } = await visit('late');
    const section = (n: number): Locator => page.locator(`#cell-${n}`);
    await run(page);
    assert.match((await texts(section(2))).join(), /made 3/, 'it ran to its end');
    assert.match(await shownIn(section(2)).innerText(), /Error: late/);
    assert.deepEqual(await texts(section(3)), [], 'and failed');
    await setParameter(page, 'n', '5');
    await run(page);
    assert.match((await texts(section(2))).join(), /made 5/);
    assert.deepEqual(incidents, []);
  });

  test('values that cannot be sent throw in their cell, and an error of any kind is shown', async () => {
    const { page, incidents } = await visit('wrong');
    for (const [which, , said] of wrongs) {
      await setParameter(page, 'which', which);
      await run(page);
      assert.match(await page.locator('#cell-2').innerText(), said, which);
      assert.match(await page.locator('#cell-2 .mark').innerText(), /^ended in an error in this page/, which);
    }
    assert.deepEqual(incidents, []);
  });

  test('a notebook without parameters runs again, and names the runs that are not saved in its page', async () => {
    const { page } = await visit('plain', '#panel button:visible');
    assert.match(await page.locator('#panel .missing').innerText(), /^No saved runs in this page of: tune 20\. /);
    await run(page);
    const [first] = await texts(page.locator('#cell-2'));
    await run(page);
    const [second] = await texts(page.locator('#cell-2'));
    assert.match(first, /^0\.\d+$/);
    assert.notEqual(second, first);
    assert.deepEqual(await texts(page.locator('#cell-1')), ['runs']);
    assert.deepEqual(await page.locator('#cell-1 table tr').allInnerTexts(), ['run\tlambda', 'a\t1', 'b\t']);
  });

  test('a number stays a number, an invalid value runs nothing, and a value that needs Node is refused only while it is set', async () => {
    const { page, incidents } = await visit('numbers');
    const kind = page.locator('#cell-2');
    await run(page);
    assert.deepEqual(await texts(kind), ['number 1e+21 string auto']);
    for (const [text, fault] of [
      ['abc', 'This must be a number.'],
      ['99999999999999999999', 'This has more digits than a number holds.'],
    ]) {
      await page.locator('#parameter-n').fill(text);
      await page.getByRole('button', { name: 'Run', exact: true }).click();
      await page.locator('.parameter .fault', { hasText: fault }).waitFor();
      assert.equal(await page.locator('.running').isVisible(), false);
    }
    await setParameter(page, 'n', '1e300');
    await run(page);
    assert.deepEqual(await texts(kind), ['number 1e+300 string auto']);
    for (const [rate, said] of [
      ['0.5', 'number 1e+300 number 0.5'],
      ['auto', 'number 1e+300 string auto'],
    ]) {
      await setParameter(page, 'rate', rate);
      await run(page);
      assert.deepEqual(await texts(kind), [said]);
    }
    await page.locator('#parameter-rate').fill('fast');
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.locator('.parameter .fault', { hasText: "This must be number or 'auto'." }).waitFor();
    await setParameter(page, 'rate', 'auto');

    const reads = page.locator('#cell-3');
    await page.locator('#parameter-from').selectOption('disk');
    await run(page);
    assert.deepEqual(await notes(reads), ['data=cifar10 needs Node.']);
    await page.getByRole('button', { name: 'Reset to defaults' }).click();
    assert.deepEqual(await notes(reads), []);
    await setParameter(page, 'n', '7');
    await run(page);
    assert.match(await page.locator('#panel > .fault').innerText(), /leaves out, ended in an error: Error: seven/);
    assert.deepEqual(incidents, []);
  });

  describe('with payloads', () => {
    const visited = visitOnce('hostile', ({ page }) => run(page));

    test('the policy lets neither page nor cells compile code from text, send requests, or run a script that slipped through', async () => {
      const { page } = visited();
      const policy = (await page.locator('meta[http-equiv="Content-Security-Policy"]').getAttribute('content'))!;
      assert.match(
        policy,
        /^default-src 'none'; script-src ('sha256-[\w+/]+=' )+'wasm-unsafe-eval'; worker-src blob:; connect-src 'none';/,
      );
      assert.doesNotMatch(policy, /'unsafe-eval'|script-src[^;]*('unsafe-inline'|https?:|\*)/);
      const said = (await page.locator('#cell-5 .outputs').textContent())!;
      assert.match(said, /eval: EvalError/);
      assert.match(said, /fetch: TypeError/);
      assert.match(said, /importScripts: NetworkError/);
    });

    test('no payload runs, requests or even tries to, whether saved or displayed by a cell of the page', async () => {
      const { page, incidents } = visited();
      await page
        .locator('details')
        .evaluateAll((all) => all.forEach((one) => ((one as unknown as { open: boolean }).open = true)));
      assert.ok((await page.locator('.outputs .output').count()) >= 3 * payloads.length);
      await page.getByRole('button', { name: 'Show the saved ones again' }).first().click();
      for (const link of await page.locator('.output a, .plot a').all()) {
        assert.doesNotMatch((await link.getAttribute('href')) ?? '', /^\s*(javascript|vbscript|data):/i);
      }
      await page.waitForTimeout(300);
      assert.equal(await page.evaluate(() => (globalThis as { hacked?: number }).hacked), undefined);
      assert.equal(
        await page.locator('main script:not([type="application/json"]), main style, main iframe').count(),
        0,
      );
      assert.equal(new URL(page.url()).protocol, 'file:');
      // Foreign HTML is parsed in a sandbox, where the browser logs what it refuses.
      const noted =
        /^error: (Blocked script execution in 'about:blank' because the document's frame is sandboxed|Setting the document's base URI)/;
      assert.deepEqual(
        incidents.filter((incident) => !noted.test(incident)),
        [],
      );
    });
  });
});

interface Tree {
  innerHTML: string;
  querySelectorAll(selector: string): Iterable<{
    replaceWith(...nodes: unknown[]): void;
    removeAttribute(name: string): void;
    childNodes: Iterable<unknown>;
  }>;
}
