// The library's browser bundle behaves like the library in Node. It is tested in Node, made to look like a worker in a
// page; like the page's policy, Node refuses to compile code from text.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import type { Metafile } from 'esbuild';
import { temporaryFolder } from '../training/checkpoint/sample.ts';

const project = join(import.meta.dirname, '..', '..');
const checkpoint = 'outputs/01-l0-googlenet/pretrained-synthetic';

/**
 * Runs work.ts with the library of Node or with the browser bundle, in a folder with a notebook's checkpoint, and
 * returns its result.
 */
async function comesTo<Result>(t: TestContext, where: 'node' | 'page', what: string): Promise<Result> {
  const folder = temporaryFolder(t);
  cpSync(join(project, 'notebooks', checkpoint), join(folder, checkpoint), { recursive: true });
  const policy = where === 'page' ? ['--disallow-code-generation-from-strings'] : [];
  const [types, work] = [join(project, 'test/typescript.mjs'), join(import.meta.dirname, 'work.ts')];
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...policy, '--import', types, work, where, what, join(folder, 'runs')],
    { cwd: folder, maxBuffer: 2 ** 26 },
  );
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Result;
}

test('the bundle contains no module of Node and nothing that compiles code from text', () => {
  const { inputs, outputs } = JSON.parse(readFileSync(join(project, 'dist/browser/contents.json'), 'utf8')) as Metafile;
  const output = Object.entries(outputs).find(([file]) => file.endsWith('sparsebook.js'))![1];
  assert.deepEqual(output.imports, [], 'all of it is in one file');
  // Modules that a package itself disables for browsers are in the bundle as empty modules.
  const used = Object.entries(output.inputs).filter(
    ([file, { bytesInOutput }]) => bytesInOutput > 0 && !file.startsWith('(disabled)'),
  );
  for (const [file] of used) {
    const ours = inputs[file].imports.filter(() => !file.includes('node_modules'));
    for (const { path, original } of ours) {
      assert.ok(!isBuiltin(original ?? path) || original === 'buffer', `${file} imports ${original ?? path}`);
    }
  }
  const packages = new Set(used.flatMap(([file]) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? []));
  assert.deepEqual([...packages].filter((name) => !name.startsWith('@tensorflow/')).sort(), [
    '@noble/hashes',
    'base64-js',
    'buffer',
    'fastest-levenshtein',
    'fflate',
    'ieee754',
    'long',
    'ml-matrix',
    'path-browserify',
    'seedrandom',
    'yaml',
  ]);
  const code = readFileSync(join(project, 'dist/browser/sparsebook.js'), 'utf8');
  assert.deepEqual(code.match(/.{40}(\bnew Function\b|[^\w.$]Function\(|[^\w.$]eval\().{20}/g), null);
});

test('the types of the library, which a kernel resolves the old way, do not mention #platform', () => {
  const mentioning: string[] = [];
  const seen = new Set<string>();
  const read = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    const text = readFileSync(file, 'utf8');
    if (text.includes('#platform')) mentioning.push(file);
    for (const [, path] of text.matchAll(/(?:from|import\()\s*'(\.[^']*)\.js'/g))
      read(join(file, '..', `${path}.d.ts`));
  };
  read(join(project, 'dist/notebook.d.ts'));
  assert.ok(seen.size > 50);
  assert.deepEqual(mentioning, []);
});

interface Trained {
  stopped: string;
  isFinished: boolean;
  records: { run: string; test: { accuracy: number } }[];
  again: string[];
}

test('a run with gates has the same identity, events, record and weights in a page as in Node', async (t) => {
  const [there, here] = await Promise.all([
    comesTo<Trained>(t, 'node', 'training'),
    comesTo<Trained>(t, 'page', 'training'),
  ]);
  assert.deepEqual(here, there);
  assert.deepEqual([here.stopped, here.isFinished], ['end', false], 'an interrupt stopped it');
  assert.deepEqual(here.again, [here.records[0].run], 'who asks for it again has it');
});

interface Shown {
  shown: [forms: string[], ...unknown[]][];
  names: string[];
}

test('cells show, save and read the same in a page as in Node, except for images of figures', async (t) => {
  const { names, ...there } = await comesTo<Shown>(t, 'node', 'showing');
  const { names: namesHere, ...here } = await comesTo<Shown>(t, 'page', 'showing');
  assert.deepEqual(here, there);
  assert.deepEqual(namesHere, names, 'each name of the library is there');
  assert.ok(here.shown.length > 7 && here.shown.every(([forms]) => !forms.includes('image/png')));
});

test('in a page functions that need Node are refused by name', async (t) => {
  const said = await comesTo<Record<string, string>>(t, 'page', 'refusing');
  for (const [name, words] of Object.entries(said)) {
    assert.match(
      words,
      new RegExp(`^UserError: ${name}\\b.* needs Node: [^.]+\\. Run the notebook on your own machine`),
    );
  }
  assert.equal(Object.keys(said).length, 8);
});
