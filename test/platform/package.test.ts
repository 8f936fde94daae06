// The npm package of the library, in a project that has it and what it declares, and nothing else of this checkout.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
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

let tarball: string;
let manifest: Manifest;

before(async () => {
  await run(process.execPath, ['dist/platform/buildPackage.js', join(folder, 'package')], { cwd: root });
  await run('npm', ['pack', './package'], { cwd: folder, shell: process.platform === 'win32' });
  tarball = join(
    folder,
    readdirSync(folder).find((name) => name.endsWith('.tgz'))!,
  );
  const library = join(installed, 'sparsebook');
  mkdirSync(library, { recursive: true });
  await extract({ file: tarball, cwd: library, strip: 1 });
  manifest = JSON.parse(readFileSync(join(library, 'package.json'), 'utf8')) as Manifest;
  const declared = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
  for (const name of declared.filter((each) => !manifest.peerDependenciesMeta[each])) {
    mkdirSync(dirname(join(installed, name)), { recursive: true });
    symlinkSync(realpathSync(join(root, 'node_modules', name)), join(installed, name), 'junction');
  }
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(project, 'program.ts'), program);
  writeFileSync(
    join(project, 'browser.ts'),
    "export const { mount, tf, compact } = await import('sparsebook/browser');",
  );
});
after(() => rmSync(folder, { recursive: true }));

test('the package is small and declares what its files import: no data frames, kernel, editor, DOM or Node', () => {
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

test('the program of its page prunes a network, with threads, and writes it as ONNX', async () => {
  // Nothing in it is TypeScript alone.
  writeFileSync(join(project, 'program.js'), program);
  const env = { ...process.env, SPARSEBOOK_THREADS: '2' };
  const { stdout } = await run(process.execPath, ['program.js'], { cwd: project, env });
  const [, dense, small] = /^parameters +([\d,]+) +[\d,]+ +([\d,]+)/m.exec(stdout)!;
  const count = (text: string): number => Number(text.replaceAll(',', ''));
  assert.ok(count(small) < count(dense), stdout);
  assert.ok(statSync(join(project, 'small.onnx')).size > 0);
});

test('its types hold under each way to resolve modules, without skipLibCheck', () => {
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
    // TensorFlow.js's own declarations lie elsewhere; some of them are at odds with each other.
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
