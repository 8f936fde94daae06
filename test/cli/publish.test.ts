import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { skipWithoutChromium } from '../notebook/report/chromium.ts';
import { fixtureFile } from '../notebook/report/fixture.ts';
import { sparsebook } from '../sparsebook.ts';

const newFolder = (): string => mkdtempSync(join(tmpdir(), 'publish-'));
const publish = (words: string[], env?: Record<string, string>): ReturnType<typeof sparsebook>['ended'] =>
  sparsebook(['publish', ...words], env).ended;

test('publish writes a site without running anything, and replaces it the next time', async () => {
  const site = join(newFolder(), 'deep', 'site');
  for (const notebook of ['showcase', 'plain']) {
    const { code, stderr } = await publish([site, fixtureFile(notebook)]);
    assert.equal(code, 0, stderr);
    assert.match(
      stderr,
      new RegExp(`  report-${notebook}\\.html  \\d\\.\\d MB\nwrote .*site \\(\\d files, \\d\\.\\d MB\\) in `),
    );
    assert.doesNotMatch(stderr, /kernel|cell/);
  }
  assert.deepEqual(readdirSync(site).sort(), [
    '.nojekyll',
    'index.html',
    'report-plain.html',
    'service-worker.js',
    'sparsebook-site.json',
  ]);
  assert.match(readFileSync(join(site, 'index.html'), 'utf8'), /<a href="report-plain\.html">report-plain<\/a>/);
});

test('a folder that was not made by publish is left as it is, before anything is rendered', async () => {
  const folder = newFolder();
  writeFileSync(join(folder, 'index.html'), 'mine');
  const { code, stderr } = await publish([folder, fixtureFile('plain')]);
  assert.equal(code, 1);
  assert.match(stderr, /^error: .* is not written: only a site that publish wrote or an empty folder may be replaced/);
  assert.deepEqual(readdirSync(folder), ['index.html']);
});

test('a notebook that cannot be published ends the command, and the site published before stays', async () => {
  const folder = newFolder();
  const [site, broken] = [join(folder, 'site'), join(folder, 'broken.ipynb')];
  writeFileSync(broken, '{}');
  for (const [notebook, message] of [
    [broken, /broken\.ipynb is not a notebook/],
    ['none', /there is no notebook none/],
  ] as const) {
    const { code, stderr } = await publish([site, fixtureFile('plain'), notebook]);
    assert.equal(code, 1);
    assert.match(stderr, message);
    assert.equal(existsSync(site), false);
  }
});

test('--check refuses folders that are no site, and notebooks to publish', async () => {
  const folder = newFolder();
  mkdirSync(join(folder, 'empty'));
  const site = join(folder, 'site');
  await publish([site, fixtureFile('plain')]);
  for (const [words, message] of [
    [[join(folder, 'empty')], /must be a site that publish wrote, and holds no sparsebook-site\.json/],
    [[site, '01'], /--check must be given a folder alone; received 01/],
  ] as const) {
    const { code, stderr } = await publish(['--check', ...words]);
    assert.equal(code, 1);
    assert.match(stderr, message);
  }
});

test(
  '--check reports what it found for each page, and fails if something is wrong',
  { skip: skipWithoutChromium },
  async () => {
    const site = join(newFolder(), 'site');
    await publish([site, fixtureFile('plain')]);
    const good = await publish([site, '--check']);
    assert.equal(good.code, 0, good.stdout + good.stderr);
    assert.match(
      good.stdout,
      /^good {2}report-plain\.html {2}\d+ threads?, \d+ figures, \d+ links\ngood {2}index\.html {2}/,
    );
    writeFileSync(
      join(site, 'report-plain.html'),
      '<!doctype html><p id="threads">one thread (none)</p><a href="gone.html">x</a>',
    );
    const bad = await publish([site, '--check']);
    assert.equal(bad.code, 1);
    assert.match(bad.stdout, /^FAULTY {2}report-plain\.html [^]*\ngood {2}index\.html/);
    assert.match(bad.stdout, /\n {4}it is not isolated: it has one thread \(none\)\n/);
    assert.match(bad.stdout, /\n {4}a link leads nowhere: .*gone\.html\n/);
  },
);
