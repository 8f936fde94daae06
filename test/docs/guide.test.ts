// The programs of docs/guide, exactly as printed: all in one process, each with the files its reader has.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import sharp from 'sharp';

const root = join(import.meta.dirname, '..', '..');
const guide = join(root, 'docs', 'guide');
const pages = readdirSync(guide).filter((name) => name !== 'README.md');
// Inside the project, so that programs can import the package.
const folder = mkdtempSync(join(root, 'dist', 'guide-test-'));
after(() => rmSync(folder, { recursive: true }));

/** 28x28 images that are bright in one of ten bands of rows, which is their class. */
const yourImages = `
async function yourImages() {
  const labels = Array.from({ length: 60 }, (_, i) => i % 10);
  const bright = (i: number) => Math.floor((i % 784) / 56) === labels[Math.floor(i / 784)];
  return { labels, images: Uint8Array.from({ length: 60 * 784 }, (_, i) => (bright(i) ? 250 : i % 7)) };
}`;

/** The blocks of a page as one module, imports first. */
function programOf(page: string): string {
  const text = readFileSync(join(guide, page), 'utf8');
  const lines = [...text.matchAll(/^```ts\n(.*?)^```$/gms)].flatMap(([, code]) => code.split('\n'));
  const isImport = (line: string): boolean => /^import .* from '/.test(line);
  return [...lines.filter(isImport), yourImages, ...lines.filter((line) => !isImport(line))].join('\n');
}

/** The output of each page. */
const printed = new Map<string, string>();

before(async () => {
  for (const [n, name] of ['rose', 'tulip'].entries()) {
    mkdirSync(join(folder, 'flowers', name), { recursive: true });
    const raw = { width: 8, height: 8, channels: 3 as const };
    const png = await sharp(Buffer.alloc(192, 200 * n), { raw })
      .png()
      .toBuffer();
    for (let i = 0; i < 20; i++) writeFileSync(join(folder, 'flowers', name, `${i}.png`), png);
  }
  const weights = join(root, 'notebooks', 'outputs', '04-freeze-prune-resnet18', 'pretrained-synthetic.safetensors');
  copyFileSync(weights, join(folder, 'resnet18.safetensors'));
  for (const page of pages) writeFileSync(join(folder, `${page}.ts`), programOf(page));
  const steps = pages.map((page) => `console.log('=== ${page}');\nawait import('./${page}.ts');`);
  writeFileSync(join(folder, 'all.ts'), `${steps.join('\n')}\nexport {};\n`);
  const loader = pathToFileURL(join(root, 'test', 'typescript.mjs')).href;
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', loader, join(folder, 'all.ts')], {
    cwd: folder,
    env: { ...process.env, SPARSEBOOK_DATA: join(folder, 'data'), SPARSEBOOK_THREADS: '1' },
  });
  for (const part of stdout.split('=== ').slice(1)) {
    const [page] = part.split('\n');
    printed.set(page, part);
  }
});

const expected: Record<string, RegExp[]> = {
  'own-network.md': [/accuracy: (0|1|0\.\d+)\b/, /^\s+dense +masked +compact +smaller$/m, /^parameters +5,130 /m],
  'own-images.md': [/100 classes/, /flowers/, /28x28x1/, /^(0|1|0\.\d+)$/m],
  'own-method.md': [/^\d+\.\d+ (0|1|0\.\d+)$/m],
  'own-notebook.md': [/lambda = 20|Gates at the end/, /One run/],
  'pytorch-to-onnx.md': [/^parameters +[\d,]+ +[\d,]+ +[\d,]+/m, /^600$/m],
  'headless.md': [/^1 (0|1|0\.\d+)$/m, /"accuracy":/],
};

test('every page of the guide is tested here', () => assert.deepEqual(Object.keys(expected).sort(), pages.sort()));

for (const [page, patterns] of Object.entries(expected)) {
  test(`the program of ${page} runs and prints its results`, () => {
    for (const pattern of patterns) assert.match(printed.get(page) ?? '', pattern);
  });
}

test('the small networks are saved, and the runs are kept', () => {
  for (const file of ['small.onnx', 'pruned.onnx', 'data/runs']) assert.ok(existsSync(join(folder, file)), file);
});
