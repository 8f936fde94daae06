// Part of `npm run pack`: the library alone, without notebooks, as the npm package that programs install. Written to
// `dist/package`, or to the folder that is named.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { buildSync } from 'esbuild';
import { browserBundle } from './browserBundle.js';
import { packageFolder } from './node.js';

/** The part of a package.json that is read here. */
interface Manifest {
  name: string;
  version: string;
  license: string;
  engines: object;
  dependencies: Record<string, string>;
  optionalDependencies: Record<string, string>;
}

const dist = join(packageFolder, 'dist');
const target = process.argv[2] ?? join(dist, 'package');
const root = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as Manifest;

/**
 * What the package's entries import, and what they import in turn; the script of a thread is started by its address.
 */
const entries = ['index.js', 'index.d.ts', 'browserLibrary.d.ts', 'backend/simd/worker.js'];
const files = new Set<string>();
const imported = new Set<string>();
const optional = new Set<string>();

function read(file: string): void {
  if (files.has(file)) return;
  files.add(file);
  const text = readFileSync(file, 'utf8');
  // Packages that are loaded by name, where they are installed.
  for (const name of Object.keys(root.optionalDependencies)) if (text.includes(`'${name}'`)) optional.add(name);
  for (const [, name] of text.matchAll(/\b(?:from|import)\s*\(?\s*'([^']+)'/g)) {
    if (name === '#platform') read(join(dist, 'platform/node.js'));
    else if (!name.startsWith('.')) imported.add(/^(@[^/]+\/)?[^/]+/.exec(name)![0]);
    else read(join(dirname(file), file.endsWith('.d.ts') ? name.replace(/\.js$/, '.d.ts') : name));
  }
}
for (const entry of entries) read(join(dist, entry));
for (const build of ['fma', 'plain']) files.add(join(dist, `backend/simd/kernels.${build}.wasm`));

const among = (versions: Record<string, string>, isIn: (name: string) => boolean): Record<string, string> =>
  Object.fromEntries(Object.entries(versions).filter(([name]) => isIn(name)));
// A program's tensors and the library's must be of one TensorFlow.js: the program's own.
const isShared = (name: string): boolean => name.startsWith('@tensorflow/');
const entry = (types: string, file: string): object => ({ types: `./dist/${types}`, default: `./dist/${file}` });

const manifest = {
  name: root.name,
  version: root.version,
  description: 'Makes TensorFlow.js networks sparse, small and fast: gates, pruning, compaction, export',
  license: root.license,
  type: 'module',
  engines: root.engines,
  main: './dist/index.js',
  types: './dist/index.d.ts',
  exports: {
    '.': entry('index.d.ts', 'index.js'),
    './browser': entry('browserLibrary.d.ts', 'browser/sparsebook.js'),
    './package.json': './package.json',
  },
  imports: { '#platform': './dist/platform/node.js' },
  dependencies: among(root.dependencies, (name) => imported.has(name) && !isShared(name)),
  peerDependencies: {
    ...among(root.dependencies, (name) => imported.has(name) && isShared(name)),
    ...among(root.optionalDependencies, (name) => optional.has(name)),
  },
  peerDependenciesMeta: Object.fromEntries([...optional].map((name) => [name, { optional: true }])),
};

rmSync(target, { recursive: true, force: true });
for (const file of files) {
  const copy = join(target, 'dist', relative(dist, file));
  mkdirSync(dirname(copy), { recursive: true });
  cpSync(file, copy);
}
buildSync({
  ...browserBundle(),
  entryPoints: [join(dist, 'browserLibrary.js')],
  outfile: join(target, 'dist/browser/sparsebook.js'),
  format: 'esm',
});
writeFileSync(join(target, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
cpSync(join(packageFolder, 'docs/library.md'), join(target, 'README.md'));
cpSync(join(packageFolder, 'LICENSE'), join(target, 'LICENSE'));
