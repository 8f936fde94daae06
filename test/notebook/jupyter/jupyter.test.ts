import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { UserError } from 'sparsebook';
import {
  commandOf,
  findKernelSpec,
  listKernelSpecs,
  packageRoot,
  projectJupyterPath,
  userDataDir,
  type KernelSpec,
} from 'sparsebook/notebook/jupyter/kernelSpec.js';
import {
  jupyterEnvironment,
  startJupyter,
  installKernel,
  uninstallKernel,
} from 'sparsebook/notebook/jupyter/jupyter.js';
import { schemaErrors } from '../run/nbformat.ts';

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
  assert.match(readFileSync(join(dirname(file), 'logo-svg.svg'), 'utf8'), /^<svg .*viewBox/);
  const png = readFileSync(join(dirname(file), 'logo-64x64.png'));
  assert.deepEqual([png.toString('latin1', 1, 4), png.readUInt32BE(16), png.readUInt32BE(20)], ['PNG', 64, 64]);
  assert.equal(spec.display_name, 'TypeScript (sparsebook)', 'not the name that tslab gives itself');
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

test('a kernel is only looked up by a valid name, whatever a notebook contains', () => {
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

test('the error of an invalid kernel.json names the fault, and an invalid one that is not requested does no harm', () => {
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

test("Jupyter gets the project's kernel first, and without Jupyter the error says what to do", async () => {
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
const skip = nbconvert.status === 0 ? false : 'jupyter nbconvert is not installed';

const fixture = (name: string): string => join(import.meta.dirname, '..', '..', 'fixtures', name);

/** Converts a notebook with nbconvert; returns the result, and fails if nbconvert reports errors. */
function converted(to: string, notebook: string, extension: string, ...more: string[]): string {
  const args = ['nbconvert', '--to', to, ...more, notebook, '--output-dir', scratch, '--output', 'converted'];
  const { status, stderr } = spawnSync('jupyter', args, { env: jupyterEnvironment(), encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  assert.doesNotMatch(stderr, /Traceback|^ +at |Error|rror:/m);
  return readFileSync(join(scratch, `converted${extension}`), 'utf8');
}

/** A notebook of code cells, each of them a slide, in a folder where the library can be imported. */
function slides(...sources: string[]): string {
  mkdirSync(join(scratch, 'node_modules'));
  symlinkSync(packageRoot, join(scratch, 'node_modules', 'sparsebook'));
  const cells = sources.map((source, i) => ({
    ...{ cell_type: 'code', id: `cell-${i}`, execution_count: null, outputs: [], source },
    metadata: { slideshow: { slide_type: 'slide' }, tags: source.startsWith('throw') ? ['raises-exception'] : [] },
  }));
  const kernelspec = { name: 'tslab', display_name: 'TypeScript', language: 'typescript' };
  const file = join(scratch, 'slides.ipynb');
  writeFileSync(file, JSON.stringify({ cells, metadata: { kernelspec }, nbformat: 4, nbformat_minor: 5 }));
  return file;
}

test(
  "Jupyter's own nbconvert executes a notebook, and shows its figures with size and text, and its slides",
  { skip },
  () => {
    const file = slides(
      "import { show, softmaxTwice } from 'sparsebook';\nconsole.log('to stdout');\nshow(softmaxTwice());",
      "throw new RangeError('far');",
      "setInterval(() => console.log('still here'), 1);",
    );
    const executed = converted('notebook', file, '.ipynb', '--execute');
    assert.deepEqual(schemaErrors(JSON.parse(executed)), []);
    assert.match(executed, /to stdout[^]*"ename": "RangeError"/);
    assert.doesNotMatch(executed, /"execution_count": (0|null)/);
    writeFileSync(file, executed);
    const page = converted('html', file, '.html', '--template', 'classic');
    const [image] = /<img[^>]*>/.exec(page.replace(/src="data:[^"]*"/g, ''))!;
    assert.match(image, /width="?720\b/);
    assert.match(image, /height="?\d{3}\b/);
    assert.match(image, /alt="[^"]+\."/);
    assert.equal(converted('slides', file, '.slides.html').match(/<section>\s*<section>/g)?.length, 3);
  },
);

const talks = spawnSync('/usr/bin/python3', ['-c', 'import jupyter_client']);

test(
  "Jupyter's own client talks to the project's kernel: it completes, inspects, interrupts, and loses no request",
  { skip: talks.status === 0 ? false : 'jupyter_client is not installed' },
  () => {
    const talk = [fixture('jupyterConversation.py')];
    const { stdout, stderr } = spawnSync('/usr/bin/python3', talk, { env: jupyterEnvironment(), encoding: 'utf8' });
    assert.equal(stderr, '');
    assert.deepEqual(JSON.parse(stdout), {
      result: ['ok', ['execute_result', '42']],
      complete: ['toFixed'],
      inspect: { 'text/plain': 'const wide: 21' },
      is_complete: [
        { status: 'incomplete', indent: '  ' },
        { status: 'complete' },
        { status: 'invalid' },
        { status: 'incomplete', indent: '' },
      ],
      children: ['ok', ['stream', 'waited for\n'], ['stream', 'awaited\n'], ['execute_result', '0']],
      input: ['ok', ['execute_result', '0']],
      question: ['error', ['error', 'UserError']],
      interrupt: [true, 'Interrupted'],
      queued: ['error', 'aborted', 'aborted'],
      after: ['ok', ['execute_result', '21']],
      going: ['error', 'ok'],
      history: ["throw new Error('go on');", '1'],
    });
  },
);
