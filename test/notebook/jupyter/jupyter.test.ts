import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { UserError } from 'sparsebook';
import {
  commandOf,
  findKernelSpec,
  listKernelSpecs,
  projectJupyterPath,
  userDataDir,
  type KernelSpec,
} from 'sparsebook/notebook/jupyter/kernelSpec.js';
import { jupyterEnvironment, startJupyter } from 'sparsebook/notebook/jupyter/startJupyter.js';
import { installKernel, uninstallKernel } from 'sparsebook/notebook/jupyter/installKernel.js';

const scratch = mkdtempSync(join(tmpdir(), 'sparsebook-jupyter-'));
after(() => rmSync(scratch, { recursive: true }));

test("the user's Jupyter folder follows Jupyter's rules", () => {
  const cases: [Record<string, string>, NodeJS.Platform, string][] = [
    [{ JUPYTER_DATA_DIR: '/data' }, 'darwin', '/data'],
    [{}, 'darwin', '/home/me/Library/Jupyter'],
    [{ APPDATA: '/appdata' }, 'win32', '/appdata/jupyter'],
    [{}, 'linux', '/home/me/.local/share/jupyter'],
    [{ XDG_DATA_HOME: '/xdg' }, 'linux', '/xdg/jupyter'],
  ];
  for (const [env, platform, folder] of cases) assert.equal(userDataDir(env, platform, '/home/me'), folder);
});

test('an installed kernelspec has absolute paths that exist, and can be removed', () => {
  const file = installKernel({ prefix: scratch });
  assert.equal(file, join(scratch, 'share', 'jupyter', 'kernels', 'tslab', 'kernel.json'));
  const spec = JSON.parse(readFileSync(file, 'utf8')) as KernelSpec;
  assert.equal(spec.argv[0], process.execPath);
  assert.match(readFileSync(spec.argv.at(-2) ?? '', 'utf8'), /startKernel/);
  assert.equal(spec.argv.at(-1), '{connection_file}');
  assert.equal(installKernel({ prefix: scratch }), file, 'installing again replaces our own');
  const own = listKernelSpecs([join(scratch, 'share', 'jupyter')]);
  assert.deepEqual(
    own.map(({ name }) => name),
    ['tslab'],
  );
  uninstallKernel({ prefix: scratch });
  assert.throws(() => uninstallKernel({ prefix: scratch }), /no kernel is installed in/);
});

test("somebody else's kernelspec is neither replaced nor removed", () => {
  const folder = join(scratch, 'share', 'jupyter', 'kernels', 'tslab');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'kernel.json'), JSON.stringify({ argv: ['tslab'], display_name: 'TypeScript' }));
  assert.throws(() => installKernel({ prefix: scratch }), /belongs to another program; install under another name/);
  assert.throws(() => uninstallKernel({ prefix: scratch }), /belongs to another program; it stays/);
  assert.match(installKernel({ prefix: scratch, name: 'sparsebook' }), /kernels\/sparsebook\/kernel.json$/);
  assert.throws(() => installKernel({ prefix: scratch, name: '../up' }), UserError);
});

test('a kernel is looked for under names that can be one, whatever a notebook says', () => {
  const names = [
    '../up',
    '..',
    '.',
    '',
    'a/b',
    'a\\b',
    'a b',
    'a\0',
    'tslab\n',
    '/etc',
    5,
    null,
    undefined,
    ['tslab'],
    { name: 'tslab' },
  ];
  for (const name of names) {
    assert.throws(() => findKernelSpec(name), { name: 'UserError', message: /made of letters, digits.*; received / });
  }
  assert.throws(
    () => findKernelSpec('/'.repeat(1000)),
    ({ message }: Error) => message.length < 150,
  );
  assert.throws(() => findKernelSpec('...'), /no kernel is named '...'; there are: tslab/);
});

test('a kernel.json says what is wrong in it, and one that is not asked for does not disturb', () => {
  const usable = { argv: ['node', '{connection_file}'] };
  const cases: [unknown, RegExp][] = [
    [[], /it must hold an object/],
    [{}, /'argv' must name the command/],
    [{ argv: 'node' }, /'argv' must name the command to start, as a list of texts; received "node"/],
    [{ argv: [] }, /'argv'/],
    [{ argv: ['node', 5] }, /'argv'/],
    [{ ...usable, env: { A: 5 } }, /'env' must give each variable a text; received {"A":5}/],
    [{ ...usable, env: ['A=5'] }, /'env'/],
    [{ ...usable, interrupt_mode: 'never' }, /'interrupt_mode' must be 'signal' or 'message'; received "never"/],
    [{ ...usable, display_name: {} }, /'display_name' must be a text/],
    [{ ...usable, language: 1 }, /'language' must be a text/],
    [{ ...usable, metadata: 'x' }, /'metadata' must be an object/],
  ];
  const folder = join(scratch, 'kernels');
  const lay = (name: string, spec: unknown): void => {
    mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(join(folder, name, 'kernel.json'), JSON.stringify(spec));
  };
  for (const [spec, fault] of cases) {
    lay('broken', spec);
    assert.throws(() => findKernelSpec('broken', [scratch]), { name: 'UserError', message: fault });
  }
  lay('good', usable);
  lay('not a name', usable);
  assert.deepEqual(
    listKernelSpecs([scratch]).map(({ name, display_name, language }) => [name, display_name, language]),
    [['good', 'good', '']],
  );
});

test('placeholders are filled in, and node is the Node that runs us', () => {
  const spec = { name: 'x', file: '/spec/kernel.json', argv: ['node', '{resource_dir}/a.js', '-f={connection_file}'] };
  const command = commandOf({ ...spec, display_name: '', language: '' }, '/tmp/c.json');
  assert.deepEqual(command, [process.execPath, '/spec/a.js', '-f=/tmp/c.json']);
});

test("Jupyter is given the project's kernel first, and its absence says what to do", async () => {
  assert.equal(jupyterEnvironment({}).JUPYTER_PATH, projectJupyterPath);
  assert.equal(jupyterEnvironment({ JUPYTER_PATH: '/mine' }).JUPYTER_PATH, `${projectJupyterPath}:/mine`);
  await assert.rejects(
    startJupyter([], { PATH: scratch }),
    (error: Error) => error instanceof UserError && /pipx install jupyterlab[^]*kernel install/.test(error.message),
  );
  for (const [code, name] of ['jupyter-notebook', 'jupyter-lab'].entries()) {
    writeFileSync(join(scratch, name), `#!/bin/sh\nexit ${code}$1\n`, { mode: 0o755 });
    assert.equal(await startJupyter(['7'], { PATH: scratch }), code * 10 + 7, 'JupyterLab is preferred');
  }
});

const nbconvert = spawnSync('jupyter', ['nbconvert', '--version']);

test(
  "Jupyter's own nbconvert executes a notebook on the project's kernel",
  { skip: nbconvert.status === 0 ? false : 'jupyter nbconvert is not installed' },
  () => {
    const notebook = join(import.meta.dirname, '..', '..', 'fixtures', 'notebooks', 'outputs.ipynb');
    const args = [
      'nbconvert',
      '--to',
      'notebook',
      '--execute',
      notebook,
      '--output-dir',
      scratch,
      '--output',
      'converted',
    ];
    const { status, stderr } = spawnSync('jupyter', args, { env: jupyterEnvironment(), encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    const text = readFileSync(join(scratch, 'converted.ipynb'), 'utf8');
    assert.match(text, /to stdout/);
    assert.match(text, /"ename": "RangeError"/);
    assert.doesNotMatch(text, /"execution_count": 0/);
  },
);
