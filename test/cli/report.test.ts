import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { runsInPage } from 'sparsebook/cli/report.js';
import { fixtureFile, visible } from '../notebook/report/fixture.ts';

const command = join(import.meta.dirname, '../../dist/cli.js');
const fixtures = join(import.meta.dirname, '../fixtures/notebooks');

/** A folder with a first notebook that prints the parameters it was given. */
function workplace(fixture: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'report-'));
  mkdirSync(join(folder, 'notebooks'));
  copyFileSync(join(fixtures, `${fixture}.ipynb`), join(folder, 'notebooks', '01-first.ipynb'));
  return folder;
}

function report(cwd: string, ...words: string[]): Promise<{ code: number | null; stderr: string }> {
  return reportIn(process.env, cwd, ...words);
}

function reportIn(env: NodeJS.ProcessEnv, cwd: string, ...words: string[]): ReturnType<typeof report> {
  const child = spawn(process.execPath, [command, 'report', ...words], { cwd, env });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stderr })));
}

const pageOf = (folder: string): string => visible(readFileSync(join(folder, 'docs/reports/01-first.html'), 'utf8'));
const notebookOf = (folder: string): string => readFileSync(join(folder, 'notebooks/01-first.ipynb'), 'utf8');
const executedOf = (folder: string): string =>
  readFileSync(join(folder, 'notebooks/outputs/01-first/01-first.ipynb'), 'utf8');

const folderOfReports = workplace('parameters');

test('report runs the first notebook, saves the executed notebook beside it and renders that', async () => {
  const folder = folderOfReports;
  const { code, stderr } = await report(folder);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /cell 2 of 2: What came of it/);
  assert.match(stderr, /wrote docs\/reports\/01-first\.html \(\d\.\d MB\) in /);
  assert.equal(stderr.trim().split('\n').at(-1), pathToFileURL(join(folder, 'docs/reports/01-first.html')).href);
  assert.match(pageOf(folder), /<pre class="output stdout">\[10,\[10,20\]/);
  assert.match(pageOf(folder), /Duration<\/th><td>\d/);
  assert.doesNotMatch(pageOf(folder), /class="warning/);
  assert.match(executedOf(folder), /\[10,\[10,20\]/);
});

test('parameters change the existing report, and leave the notebook as it is', async () => {
  const folder = folderOfReports;
  const before = notebookOf(folder);
  const { code, stderr } = await report(folder, 'lambda_l0=20', 'data=cifar10');
  assert.equal(code, 0, stderr);
  assert.match(pageOf(folder), /<pre class="output stdout">\[20,\[10,20\],&quot;cifar10&quot;/);
  assert.match(
    pageOf(folder),
    /lambda_l0<\/code><\/th><td class="value"><code>20<\/code> <span class="was">instead of <code>10</,
  );
  assert.equal(notebookOf(folder), before);
  assert.match(executedOf(folder), /injected-parameters/);
});

test('a misspelt parameter ends the command, and the nearest name is suggested', async () => {
  const folder = workplace('parameters');
  const { code, stderr } = await report(folder, 'lamda_l0=20');
  assert.notEqual(code, 0);
  assert.match(stderr, /did you mean 'lambda_l0'/);
  assert.equal(existsSync(join(folder, 'docs/reports/01-first.html')), false);
});

test('an impossible output path is refused before the first cell', async () => {
  const folder = workplace('parameters');
  for (const [output, message] of [
    ['docs/', /docs\/ is a folder; name a file in it, such as docs\/executed.html/],
    ['x.pdf', /ends in .html or .htm; received x.pdf: .*print it to a PDF/],
    ['notebooks/01-first.ipynb', /ends in .html or .htm; received .*01-first.ipynb/],
    ['notebooks/01-first.ipynb/x.html', /01-first.ipynb\/x.html cannot be written: E/],
  ] as const) {
    const { code, stderr } = await report(folder, '--output', output);
    assert.equal(code, 1);
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /is up after/);
  }
});

test('an interrupted report leaves the previous page and executed notebook in place', async () => {
  const folder = workplace('endless-loop');
  const page = join(folder, 'docs/reports/01-first.html');
  const executed = join(folder, 'notebooks/outputs/01-first/01-first.ipynb');
  const before = { [page]: '<!doctype html>', [executed]: '{"cells": []}' };
  for (const [file, contents] of Object.entries(before)) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, contents);
  }
  const child = spawn(process.execPath, [command, 'report'], { cwd: folder });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    if (/cell 1 of/.test(text)) child.kill('SIGINT');
  });
  const [code] = (await once(child, 'close')) as [number];
  assert.equal(code, 130);
  assert.match(said, /saved in notebooks\/outputs\/01-first\/01-first.unfinished.ipynb/);
  assert.match(said, /no report is written; as before: docs\/reports\/01-first.html, notebooks\/outputs/);
  for (const [file, contents] of Object.entries(before)) assert.equal(readFileSync(file, 'utf8'), contents);
});

test('cells before a failing one are rendered, with warnings, and the command fails', async () => {
  const folder = workplace('failing-cell');
  const { code, stderr } = await report(folder);
  assert.equal(code, 1);
  assert.match(stderr, /failed in cell 2.*no such layer/);
  assert.match(pageOf(folder), /before the fault/);
  assert.match(pageOf(folder), /1 cell ended in an error:<\/strong> <a href="#cell-\d">cell 2, The faulty cell</);
  assert.match(pageOf(folder), /1 cell was not run/);
});

test('--no-run renders saved outputs to the given file, without a kernel, and refuses parameters', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'report-'));
  const output = join(folder, 'deep', 'page.html');
  const { code, stderr } = await report(folder, fixtureFile('plain'), '--no-run', '--output', output);
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stderr, /kernel|cell/);
  assert.match(readFileSync(output, 'utf8'), /<h1>report-plain<\/h1>/);
  const named = join(folder, 'rate=0.1.ipynb');
  copyFileSync(fixtureFile('plain'), named);
  const other = await report(folder, named, '--no-run', '--output', output);
  assert.equal(other.code, 0, other.stderr);
  assert.match(readFileSync(output, 'utf8'), /<h1>rate=0.1<\/h1>/);
  const refused = await report(folder, fixtureFile('plain'), 'a=1', '--no-run');
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /^error: --no-run renders saved outputs, which a=1 cannot change/);
});

test('--open opens the page in the browser; without a screen the address is printed, and with -o - there is nothing to open', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'report-'));
  const [output, browser] = [join(folder, 'a page.html'), join(folder, 'browser')];
  writeFileSync(browser, `#!/bin/sh\necho "$1" > "${folder}/opened"\n`, { mode: 0o755 });
  const words = [fixtureFile('plain'), '--no-run', '--open', '--output'];
  const address = pathToFileURL(output).href;
  const { DISPLAY: _, WAYLAND_DISPLAY: __, ...screenless } = process.env;
  const alone = await reportIn({ ...screenless, BROWSER: browser }, folder, ...words, output);
  assert.equal(alone.code, 0, alone.stderr);
  assert.ok(alone.stderr.endsWith(`no screen to open it on; its address is\n${address}\n`), alone.stderr);
  assert.equal(existsSync(join(folder, 'opened')), false);
  if (process.platform === 'linux') {
    const shown = await reportIn({ ...screenless, DISPLAY: ':9', BROWSER: browser }, folder, ...words, output);
    assert.ok(shown.stderr.endsWith(`\n${address}\n`), shown.stderr);
    // The file exists before the address is written to it.
    const opened = (): string => readFileSync(join(folder, 'opened'), { encoding: 'utf8', flag: 'a+' }).trim();
    for (let tries = 0; opened() === '' && tries < 1200; tries++) await setTimeout(50);
    assert.equal(opened(), address);
  }
  const { code, stderr } = await report(folder, ...words, '-');
  assert.equal(code, 1);
  assert.match(stderr, /^error: --open shows the file that is written, and -o - writes none/);
});

test('a page runs a notebook of this project unless --static forbids it, and any other one only with --run-in-page', async () => {
  const folder = workplace('parameters');
  const own = fileURLToPath(new URL('../../notebooks/05-compare.ipynb', import.meta.url));
  assert.deepEqual([runsInPage(own, {}), runsInPage(own, { static: true })], [true, false]);
  for (const [words, runs] of [
    [['01'], false],
    [['01', '--run-in-page'], true],
  ] as const) {
    const { code, stderr } = await report(folder, ...words, '--no-run', '--output', 'x.html');
    assert.equal(code, 0, stderr);
    const page = readFileSync(join(folder, 'x.html'), 'utf8');
    const said = words.join(' ');
    assert.equal(/<script type="text\/plain" id="worker">/.test(page), runs, said);
    assert.equal(/worker-src blob:/.test(page), runs, said);
    assert.doesNotMatch(page, new RegExp(folder), 'nothing tells where it was made');
  }
  const { code, stderr } = await report(folder, '--static', '--run-in-page');
  assert.equal(code, 1);
  assert.match(
    stderr,
    /--static makes a page that runs nothing, --run-in-page one that runs; leave out one of the two/,
  );
});
