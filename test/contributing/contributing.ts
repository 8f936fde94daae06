// npm run test:contributing: follows CONTRIBUTING.md in a copy of the repository. Its examples are applied, built,
// type-checked and run; the number of files that each needs is printed.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { examplesIn } from './examples.ts';

const root = join(import.meta.dirname, '..', '..');
const copy = mkdtempSync(join(tmpdir(), 'sparsebook-contributing-'));

function run(what: string, command: string, ...args: string[]): string {
  const started = performance.now();
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: copy,
    encoding: 'utf8',
    env: { ...process.env, SPARSEBOOK_DATA: join(copy, 'data'), SPARSEBOOK_THREADS: '1' },
  });
  assert.equal(status, 0, `${what} failed:\n${stdout}${stderr}`);
  console.log(`${what}: ${((performance.now() - started) / 1000).toFixed(1)} s`);
  return stdout;
}

/** A copy of the working tree with its build, so that only changed files are compiled. */
function makeCopy(): void {
  const git = (...args: string[]): string => spawnSync('git', args, { cwd: root, encoding: 'utf8' }).stdout;
  for (const file of git('ls-files', '-co', '--exclude-standard').split('\n').filter(Boolean)) {
    if (/^(notebooks|test)\/.*\.(ipynb|json)$/.test(file) || !existsSync(join(root, file))) continue;
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    cpSync(join(root, file), join(copy, file));
  }
  cpSync(join(root, 'dist'), join(copy, 'dist'), { recursive: true, preserveTimestamps: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'), 'junction');
}

/**
 * Applies the examples of a page: a whole file, or lines after the first line that contains a text. Returns the files.
 */
function apply(page: string): string[] {
  return examplesIn(page).map(({ file, after, code }) => {
    const path = join(copy, file);
    if (after === undefined) {
      assert.ok(!existsSync(path), `${file} exists already`);
      writeFileSync(path, code);
    } else {
      const lines = readFileSync(path, 'utf8').split('\n');
      const place = lines.findIndex((line) => line.includes(after));
      assert.ok(place >= 0, `${file} has no line with ${after}`);
      lines.splice(place + 1, 0, code.trimEnd());
      writeFileSync(path, lines.join('\n'));
    }
    return file;
  });
}

try {
  makeCopy();
  const sections = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8').split(/^## /m);
  for (const section of sections) {
    const [title] = section.split('\n');
    const files = new Set(apply(section));
    if (files.size === 0) continue;
    assert.equal(files.size, Number(/\d+/.exec(title)?.[0]), `${title}: ${[...files].join(', ')}`);
    console.log(`${title.split(',')[0]} (${[...files].join(', ')})`);
  }
  const cli = (...args: string[]): string => run(args.slice(0, 2).join(' '), process.execPath, 'dist/cli.js', ...args);
  run('tsc', process.execPath, 'node_modules/typescript/bin/tsc', '-p', '.');
  assert.equal(cli('hello', 'world'), 'hello, world\n');
  const words =
    'network=tiny methods=bound bound.limit=0.1 bound.share=0.5 data=stripes epochs=2 batch_size=32 lr=0.01 name=toy';
  const trained = cli('train', ...words.split(' '));
  assert.match(trained, /^test, % +\d/m);
  const [toy] = JSON.parse(cli('runs', '--json')) as { name: string; settings: Record<string, string> }[];
  assert.equal(toy.name, 'toy');
  run('one test', process.execPath, 'test/run.mjs', 'sparsity/bound');
  const figure = "console.log((await import('sparsebook/plots/logistic.js')).logisticCurve().layout.title.text)";
  assert.match(run('a figure', process.execPath, '--input-type=module', '-e', figure), /logistic/);
} finally {
  rmSync(copy, { recursive: true, force: true });
}
