// The program in docs/own-network.md, as it stands there.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { temporaryFolder } from '../training/checkpoint/sample.ts';

const root = join(import.meta.dirname, '..', '..');

/** 28x28 images that are bright in one of ten rows, which is their class. */
const yourImages = `
async function yourImages() {
  const labels = Array.from({ length: 60 }, (_, i) => i % 10);
  const bright = (i) => Math.floor((i % 784) / 56) === labels[Math.floor(i / 784)];
  return { labels, images: Uint8Array.from({ length: 60 * 784 }, (_, i) => (bright(i) ? 250 : i % 7)) };
}`;

test("the program that prunes a reader's own network runs, and prints dense, masked, compact and measured", async (t) => {
  const page = readFileSync(join(root, 'docs', 'own-network.md'), 'utf8');
  const [, program] = /^```ts\n(.*?)^```$/ms.exec(page)!;
  const lines = program.trim().split('\n');
  assert.ok(lines.length <= 20, `${lines.length} lines`);
  const imports = lines.filter((line) => line.startsWith('import '));
  const script = [...imports, yourImages, ...lines.slice(imports.length)].join('\n');
  // Nothing in it is TypeScript alone, but for one assertion.
  const code = script.replaceAll(' as const', '');
  const data = temporaryFolder(t);
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code], {
    cwd: root,
    env: { ...process.env, SPARSEBOOK_DATA: data, SPARSEBOOK_THREADS: '1' },
  });
  assert.match(stdout, /accuracy: (0|1|0\.\d+)\b/);
  assert.match(stdout, /^\s+dense +masked +compact +smaller$/m);
  // 16 + 32 channels, half of them closed: 9 k + k, 9 k m + m, m 10 + 10.
  const [dense, masked, compact] = /^parameters +([\d,]+) +([\d,]+) +([\d,]+)/m.exec(stdout)!.slice(1);
  const count = (text: string): number => Number(text.replace(',', ''));
  assert.equal(count(dense), 160 + 4640 + 330);
  assert.ok(count(compact) <= count(masked) && count(masked) < count(dense), stdout);
  assert.match(stdout, /^(one image|1 image|128 images|.* images?), ms +\d/m);
  assert.ok(existsSync(join(data, 'runs')), 'the run is kept');
});
