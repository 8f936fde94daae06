// Thousands of damaged notebooks, opened in every way: run, report and live page.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from 'sparsebook';
import { KernelClient } from 'sparsebook/notebook/kernel/client/kernelClient.js';
import { findKernelSpec } from 'sparsebook/notebook/jupyter/kernelSpec.js';
import { renderReport } from 'sparsebook/notebook/report/renderReport.js';
import { parseNotebook, readNotebook } from 'sparsebook/notebook/run/notebookFile.js';
import { runNotebook } from 'sparsebook/notebook/run/runNotebook.js';
import { Site } from '../notebook/live/site.ts';
import { mutatedNotebook } from '../notebook/mutatedNotebooks.ts';
import { each, upTo, type Outcome, type Probe } from './probe.ts';

const NOTEBOOKS = 4000;
const FEW = 60;
/** A live server serves this many notebooks before another one replaces it. */
const SITE = 200;

/** A UserError is a valid answer; every other error is a fault. */
async function answered(work: () => unknown): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    assert.doesNotMatch(error.message, /\n\s+at |TypeError|RangeError|undefined is not|Cannot read prop/);
  }
}

const seeds = (short: boolean): number[] => upTo(short ? FEW : NOTEBOOKS);

async function report(short: boolean): Promise<Outcome> {
  return each(seeds(short), (seed) =>
    answered(() => {
      const html = renderReport(parseNotebook(Buffer.from(mutatedNotebook(seed)), 'n.ipynb'), { name: 'n' });
      assert.doesNotMatch(
        html.replace(/<script[^>]*>[^]*?<\/script>/, ''),
        /<script>hacked=1|<meta http-equiv=refresh/,
      );
    }),
  );
}

/** Runs all of them on one shared kernel, because starting kernels is not what is tested here. */
async function run(short: boolean): Promise<Outcome> {
  const dir = mkdtempSync(join(tmpdir(), 'sparsebook-torture-'));
  const file = join(dir, 'n.ipynb');
  const start = (): Promise<KernelClient> => KernelClient.start({ spec: findKernelSpec('tslab'), cwd: dir });
  let kernel = await start();
  const outcome = await each(seeds(short), async (seed) => {
    writeFileSync(file, mutatedNotebook(seed));
    await answered(() => runNotebook({ notebook: file, kernel, allowErrors: true, cellTimeout: 20 }));
    await answered(() => readNotebook(file));
    if (await ended(kernel)) {
      kernel = await start();
      throw new Error(`the kernel is gone after ${seed}`);
    }
  });
  await kernel.kill();
  rmSync(dir, { recursive: true });
  return outcome;
}

const ended = (kernel: KernelClient): Promise<boolean> =>
  Promise.race([kernel.exit.then(() => true), Promise.resolve(false)]);

/** Opens each in the live page as a browser does, and reads what the page receives until nothing more comes. */
async function live(short: boolean): Promise<Outcome> {
  const all = seeds(short);
  let site = await Site.open({});
  const outcome = await each(all, async (seed) => {
    if (seed % SITE === 0) {
      await site.close();
      site = await Site.open({});
    }
    const name = `n${seed}.ipynb`;
    writeFileSync(join(site.folder, name), mutatedNotebook(seed));
    const page = await site.ask('GET', `/notebooks/${name}`);
    assert.ok([200, 400].includes(page.status), `the page answers ${page.status}: ${page.text.slice(0, 200)}`);
    const events = await site.begin('GET', `/api/events/${name}`);
    const first = await new Promise<string>((resolve, reject) => {
      let text = '';
      events.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        if (text.includes('\ndata: ')) resolve(text);
      });
      events.on('end', () => resolve(text));
      events.on('error', reject);
    });
    events.destroy();
    assert.ok(
      [200, 400].includes(events.statusCode ?? 0),
      `the events answer ${events.statusCode}: ${first.slice(0, 200)}`,
    );
    if (seed % 20 > 0) return;
    const list = await site.ask('GET', '/api/notebooks');
    assert.equal(list.status, 200, 'the server is gone');
    assert.ok(list.text.includes(name));
  });
  const said = await site.close();
  const lost = said.filter((line) => /could not be saved/.test(line));
  return { ...outcome, notes: [...(outcome.notes ?? []), ...lost] };
}

export const documents: Probe[] = [
  { name: 'mutated notebooks, rendered as a report', run: report },
  { name: 'mutated notebooks, run', run },
  { name: 'mutated notebooks, opened in the live page', run: live },
];
