import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { skipWithoutSwiftShader } from '../backend/webgpu/swiftShader.ts';
import { assertClose } from '../goldens.ts';
import { launchChromium, skipWithoutChromium } from '../notebook/report/chromium.ts';
import { pageWithWorker } from './page.ts';
import type { WebgpuAnswer } from './webgpuWorker.ts';

const folder = mkdtempSync(join(tmpdir(), 'browser-webgpu-'));
after(() => rmSync(folder, { recursive: true }));

/** The reply of a page's worker; the page is opened from disk in a Chromium with these switches for graphics. */
async function answerWith(graphics?: string[]): Promise<WebgpuAnswer> {
  const file = join(folder, 'page.html');
  writeFileSync(file, pageWithWorker('webgpuWorker.ts'));
  const browser = await launchChromium(graphics);
  try {
    const page = await browser.newPage();
    await page.goto(pathToFileURL(file).href);
    return await page.evaluate<WebgpuAnswer>('ask()');
  } finally {
    await browser.close();
  }
}

test(
  'a page that asks for webgpu trains on the browser’s own, to the losses of simd',
  { skip: skipWithoutChromium || skipWithoutSwiftShader },
  async () => {
    const answer = await answerWith([
      'enable-unsafe-webgpu',
      'use-webgpu-adapter=swiftshader',
      'enable-features=Vulkan',
    ]);
    if ('error' in answer) assert.fail(answer.error);
    assert.match(answer.backend, /^webgpu: WebGPU on .*Chromium/);
    assert.equal(answer.webgpu.length, 6);
    assertClose(answer.webgpu, answer.simd, { absolute: 1e-4, relative: 1e-4 }, 'losses');
  },
);

test(
  'without graphics a page refuses webgpu, and falls back to nothing else',
  { skip: skipWithoutChromium },
  async () => {
    const answer = await answerWith();
    assert.match(
      'error' in answer ? answer.error : answer.backend,
      /^UserError: The backend 'webgpu' needs a graphics driver/,
    );
  },
);
