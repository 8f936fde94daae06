import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import * as sparsebook from 'sparsebook/browser.js';
import { launchChromium, skipWithoutChromium } from '../notebook/report/chromium.ts';
import { trainNarrow, type Trained } from './narrowGoogleNet.ts';
import { pageWithWorker } from './page.ts';
import type { Answer } from './worker.ts';

describe('the library in a browser', { skip: skipWithoutChromium }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'browser-'));
  const html = pageWithWorker('worker.ts');
  const isolating = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };
  const server = createServer((_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/html', ...isolating }).end(html);
  });
  let browser: Browser;
  let expected: Trained;

  before(async () => {
    writeFileSync(join(folder, 'page.html'), html);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    browser = await launchChromium();
    expected = await trainNarrow(sparsebook, 1);
  });
  after(async () => {
    await browser.close();
    server.close();
    rmSync(folder, { recursive: true });
  });

  /** The reply of the worker of the page at an address, and the page's errors. */
  async function trainedAt(address: string, threads: number): Promise<Exclude<Answer, { error: string }>> {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(address);
    const answer = await page.evaluate<Answer>(`ask(${threads})`);
    await page.close();
    assert.deepEqual(complaints, []);
    if ('error' in answer) assert.fail(answer.error);
    return answer;
  }

  const assertSame = ({ hash, losses }: Trained): void =>
    assert.deepEqual({ losses, hash }, { losses: expected.losses, hash: expected.hash });

  test('two threads of Node train to the same bits as one', async () => {
    assertSame(await trainNarrow(sparsebook, 2));
  });

  test('a file that is opened from disk trains to the same bits as Node, with its only thread', async () => {
    const trained = await trainedAt(pathToFileURL(join(folder, 'page.html')).href, 2);
    assertSame(trained);
    assert.deepEqual([trained.threads, trained.helped], [1, false]);
    assert.match(trained.backend, /^simd: 1 thread, WebAssembly SIMD with .*\(\d+ cores, Chromium \d+, tfjs 4\./);
  });

  test('an isolated page trains to the same bits as Node with two threads', async () => {
    const trained = await trainedAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, 2);
    assertSame(trained);
    assert.deepEqual([trained.threads, trained.helped], [2, true]);
  });
});
