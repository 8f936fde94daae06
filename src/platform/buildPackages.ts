// Part of `npm run pack`: writes two npm packages to `library` and `notebook` in `dist/packages` or in the folder given
// as an argument. `sparsebook` is the library alone; `@sparsebook/notebook` has the files that the library does not
// need (kernel, pages, commands), and imports the library.
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buildSync } from 'esbuild';
import { browserBundle } from './browserBundle.js';
import { packageFolder } from './node.js';

/** The parts of a package.json that are read here. */
interface Manifest {
  name: string;
  version: string;
  license: string;
  engines: object;
  dependencies: Record<string, string>;
  optionalDependencies: Record<string, string>;
}

const dist = join(packageFolder, 'dist');
const target = process.argv[2] ?? join(dist, 'packages');
const root = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as Manifest;
const { name: libraryName, version, license, engines } = root;
const notebookName = `@${libraryName}/notebook`;
// danfojs-node pins TensorFlow.js for Node and a package on a host of its own: only a root project's overrides make it
// fit.
const { 'danfojs-node': danfo, ...needed } = root.dependencies;
const optional = { ...root.optionalDependencies, 'danfojs-node': danfo };

/** The files of a package, by path in `dist`, and the packages that these files import. */
interface Contents {
  files: Set<string>;
  packages: Set<string>;
}

/** Returns the entries and everything that they import, directly or indirectly, except the files of `others`. */
function reached(entries: string[], others?: Contents): Contents {
  const files = new Set<string>();
  const packages = new Set<string>();
  const read = (file: string): void => {
    if (files.has(file) || others?.files.has(file)) return;
    files.add(file);
    const text = readFileSync(join(dist, file), 'utf8');
    for (const [, name] of text.matchAll(/(?:\bfrom |\bimport |[([] ?)'([^'\s]+)'/g)) {
      packages.add(name.split('/', name.startsWith('@') ? 2 : 1).join('/'));
      if (name === '#platform') read('platform/node.js');
    }
    // Modules, and scripts that are started by their URL.
    for (const [, name] of text.matchAll(/'([\w./-]+\.js)'/g)) {
      const path = declared(join(dirname(file), name), file);
      if (existsSync(join(dist, path))) read(path);
    }
  };
  entries.forEach(read);
  return { files, packages };
}

/** In a declaration file, the path of a module refers to that module's declarations. */
function declared(path: string, from: string): string {
  const name = path.replaceAll('\\', '/');
  return from.endsWith('.d.ts') ? name.replace(/\.js$/, '.d.ts') : name;
}

const among = (versions: Record<string, string>, isIn: (name: string) => boolean): Record<string, string> =>
  Object.fromEntries(Object.entries(versions).filter(([name]) => isIn(name)));
// A program and the library must share one TensorFlow.js: the program's own.
const isShared = (name: string): boolean => name.startsWith('@tensorflow/');
const isLocal = (name: string): boolean => root.dependencies[name].startsWith('file:');
const entry = (types: string, file: string): object => ({ types: `./dist/${types}`, default: `./dist/${file}` });

/** Writes a package's files, each edited by `edit`, and its manifest. */
function write(
  folder: string,
  { files, packages }: Contents,
  own: { dependencies?: Record<string, string> } & Record<string, unknown>,
  edit = (text: string, _file: string): string => text,
): void {
  rmSync(join(target, folder), { recursive: true, force: true });
  for (const file of files) {
    const copy = join(target, folder, 'dist', file);
    mkdirSync(dirname(copy), { recursive: true });
    writeFileSync(copy, edit(readFileSync(join(dist, file), 'utf8'), file));
  }
  const perhaps = among(optional, (name) => packages.has(name));
  const manifest = {
    version,
    license,
    type: 'module',
    engines,
    ...own,
    dependencies: {
      ...own.dependencies,
      ...among(needed, (name) => packages.has(name) && !isShared(name) && !isLocal(name)),
    },
    peerDependencies: { ...among(needed, (name) => packages.has(name) && isShared(name)), ...perhaps },
    peerDependenciesMeta: Object.fromEntries(Object.keys(perhaps).map((name) => [name, { optional: true }])),
  };
  writeFileSync(join(target, folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  cpSync(join(packageFolder, 'docs/library.md'), join(target, folder, 'README.md'));
  cpSync(join(packageFolder, 'LICENSE'), join(target, folder, 'LICENSE'));
}

const library = reached(['index.js', 'index.d.ts', 'browserLibrary.d.ts']);
write('library', library, {
  name: libraryName,
  description: 'Makes TensorFlow.js networks sparse, small and fast: gates, pruning, compaction, export',
  main: './dist/index.js',
  types: './dist/index.d.ts',
  exports: {
    '.': entry('index.d.ts', 'index.js'),
    './browser': entry('browserLibrary.d.ts', 'browser/sparsebook.js'),
    // For the notebook package: not public API.
    './dist/*': './dist/*',
    './package.json': './package.json',
  },
  imports: { '#platform': './dist/platform/node.js' },
});
for (const build of ['fma', 'plain']) {
  const kernels = `dist/backend/simd/kernels.${build}.wasm`;
  cpSync(join(packageFolder, kernels), join(target, 'library', kernels));
}
buildSync({
  ...browserBundle(),
  entryPoints: [join(dist, 'browserLibrary.js')],
  outfile: join(target, 'library/dist/browser/sparsebook.js'),
  format: 'esm',
});

const notebook = reached(['notebook.js', 'notebook.d.ts', 'cli.js', 'notebook/kernel/launch.js'], library);
write(
  'notebook',
  notebook,
  {
    name: notebookName,
    description: 'TypeScript notebooks for sparsebook: the kernel, the live page, reports and commands',
    main: './dist/notebook.js',
    types: './dist/notebook.d.ts',
    exports: { '.': entry('notebook.d.ts', 'notebook.js'), './package.json': './package.json' },
    imports: { '#platform': `${libraryName}/dist/platform/node.js` },
    bin: { [libraryName]: 'dist/cli.js' },
    dependencies: { [libraryName]: version },
  },
  (text, file) =>
    text.replace(/'(\.\.?\/[\w./-]+\.js)'/g, (written, name: string) => {
      const path = join(dirname(file), name).replaceAll('\\', '/');
      return library.files.has(declared(path, file)) ? `'${libraryName}/dist/${path}'` : written;
    }),
);
for (const folder of ['dist/notebook/assets', 'src/notebook/jupyter/kernels']) {
  cpSync(join(packageFolder, folder), join(target, 'notebook', folder), { recursive: true });
}
