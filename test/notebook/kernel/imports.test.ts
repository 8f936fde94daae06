import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { after, test } from 'node:test';
import { sharedKernel } from './cells.ts';

const folder = mkdtempSync(join(tmpdir(), 'imports-'));
after(() => rmSync(folder, { recursive: true }));
const put = (path: string, text: string): void => {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
};
const putPackage = (name: string, settings: object, files: Record<string, string>): void => {
  const at = `book/node_modules/${name}`;
  put(`${at}/package.json`, JSON.stringify({ name, ...settings }));
  for (const [path, text] of Object.entries(files)) put(`${at}/${path}`, text);
};

put('shared/half.ts', "import { two } from './two';\nexport const half = (x: number): number => x / two;\n");
put('shared/two.ts', 'export const two = 2;\n');
put(
  'shared/fails.ts',
  'interface Wide {\n  width: number;\n}\n\nexport function fails({ width }: Wide): never {\n  throw new Error(`width ${width}`);\n}\n',
);
put(
  'book/three.ts',
  'export const three = 3;\nexport enum Size { Small, Large }\nexport default class Box {\n  constructor(readonly size = Size.Large) {}\n}\n',
);
put('book/rates.json', '{ "slow": 0.5 }');
put('book/old.cjs', 'exports.old = __dirname.length > 0;\n');
put('book/newer.mjs', 'export const newer = true;\n');
put('book/plain.js', 'export const plain = import.meta.url;\nexport default 4;\n');
put(
  'book/idioms.ts',
  `import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
const __filename = fileURLToPath(import.meta.url);
const __dirname = dirname(__filename);
const require = createRequire(import.meta.url);
const module = 'name';
export const idioms = [__dirname === process.cwd(), require('./rates.json').slow, module].join();
`,
);
put('book/counter.ts', 'export let counter = 0;\nexport const tick = () => counter++;\n');
put('book/slow.ts', "export const slow = await Promise.resolve('awaited');\n");
put(
  'book/all.ts',
  `export { slow } from './slow.ts';
export * from './three.js';
import rates from './rates.json' with { type: 'json' };
export const rate = rates.slow;
export const later = (): Promise<typeof import('./three')> => import('./three');
`,
);
putPackage(
  'modern',
  { type: 'module', exports: './main.js' },
  { 'main.js': 'export const hi = "hi";\nexport default 7;' },
);
putPackage(
  'imported',
  { type: 'module', exports: { '.': { types: './main.d.ts', import: './main.js' } } },
  {
    'main.js': 'export const hi = "hi";\nexport default 8;',
    'main.d.ts': 'export const hi: string;\ndeclare const eight: 8;\nexport default eight;',
  },
);
putPackage(
  'awaiting',
  { type: 'module', exports: './main.js' },
  { 'main.js': 'export const nine = await 9;\nexport default 10;' },
);
putPackage(
  'both',
  { exports: { import: './main.mjs', require: './main.cjs' } },
  { 'main.mjs': 'export const kind = "module";', 'main.cjs': 'exports.kind = "script";' },
);

const { execute, kernel } = sharedKernel(join(folder, 'book'));
const url = (path: string): string => pathToFileURL(join(folder, 'book', path)).href;

const cases: Record<string, [code: string, result: string]> = {
  'a file of a parent folder': ['import { half } from "../shared/half";\nhalf(42)', '21'],
  'a file by its name without extension': [
    'import Box, { Size } from "./three";\nnew Box().size === Size.Large',
    'true',
  ],
  'a file by its name': ['import { three } from "./three.ts";\nthree', '3'],
  'a file by the name it is compiled to': ['import { three as again } from "./three.js";\nagain', '3'],
  'JSON, with attributes': ['import rates from "./rates.json" with { type: "json" };\nrates.slow + 1', '1.5'],
  'JavaScript of each kind': [
    'import { old } from "./old.cjs";\nimport { newer } from "./newer.mjs";\nimport four, { plain } from "./plain.js";\n[old, newer, four, plain].join()',
    `true,true,4,${url('plain.js')}`,
  ],
  'a file that imports others, awaits, and imports later': [
    'import * as all from "./all.ts";\n[all.slow, all.three, all.rate, (await all.later()).three].join()',
    'awaited,3,0.5,3',
  ],
  'a file that uses the names that Node gives to scripts': [
    'import { idioms } from "./idioms.ts";\nidioms',
    'true,0.5,name',
  ],
  'a variable, which stays bound to its file': ['import { counter, tick } from "./counter";\ntick()', '0'],
  'that variable, some cells later': ['tick();\ncounter', '2'],
  'a package of ES modules': ['import seven, { hi } from "modern";\nhi + seven', 'hi7'],
  'a package that can only be imported': [
    'import eight, { hi as hello } from "imported";\nimport * as whole from "imported";\nhello + eight + Object.keys(whole)',
    'hi8default,hi',
  ],
  'a package that awaits while it loads': ['import ten, { nine } from "awaiting";\nnine + ten', '19'],
  'import() of a package is no require': [
    'import { kind } from "both";\nkind + (await import("both")).kind',
    'scriptmodule',
  ],
  'import() of files, by name and by address': [
    'const there = await import(new URL("./three.ts", import.meta.url).href);\nthere.three + (await import("./rates.json", { with: { type: "json" } })).default.slow',
    '3.5',
  ],
  'import() of tslab itself, and of modules of Node': [
    '(typeof (await import("tslab")).display.html) + (await import("node:path")).sep',
    'function/',
  ],
  'import() in place of a variable whose type has no name': [
    'const fs = await import("node:fs");\ntypeof fs.readFileSync',
    'function',
  ],
  'import.meta': [
    '[import.meta.dirname === process.cwd(), import.meta.resolve("./rates.json"), import.meta.resolve("fs")].join()',
    `true,${url('rates.json')},node:fs`,
  ],
};

for (const [title, [code, expected]] of Object.entries(cases)) {
  test(`a cell imports: ${title}`, async () => {
    const { traceback, result, of } = await execute(code);
    assert.equal(traceback(), '');
    assert.equal(result(), expected);
    assert.deepEqual(of('stream'), [], 'and nothing is printed, such as a warning');
  });
}

test('a module that a cell defines can be imported', async () => {
  assert.equal((await execute('/** @module mine */\nexport const eleven = 11;')).traceback(), '');
  assert.equal((await execute('import { eleven } from "./mine";\neleven')).result(), '11');
});

test('a stack trace shows the place in an imported file as written', async () => {
  const { traceback } = await execute('import { fails } from "../shared/fails";\n\nfails({ width: 5 });');
  const lines = traceback().split('\n');
  assert.equal(lines[0], 'Error: width 5');
  assert.match(lines[1], /at fails \(.*shared.fails\.ts:6:9\)$/);
  assert.match(lines[2], /at cell:3:\d+$/);
});

test('a changed file is read again by the next cell, and so are the files that import it', async () => {
  put('shared/two.ts', 'export const two = 4;\n');
  const quarter = async (): Promise<string | undefined> =>
    (await execute('import { half as quarter } from "../shared/half";\nquarter(42)')).result();
  // The compiler watches for changes by itself.
  for (let tries = 0; tries < 100 && (await quarter()) === '21'; tries++) await sleep(50);
  assert.equal(await quarter(), '10.5');
});

test('inspection reads docstrings in other files, of imported names and of inherited methods', async () => {
  for (const [code, said] of [
    ["import { join } from 'node:path';\njoin", /Join all arguments together/],
    ['[1].map', /Calls a defined callback function on each element/],
    ["import { Dirent } from 'node:fs';\nDirent", /representation of a directory entry/],
    ["import { createServer } from 'node:net';\ncreateServer().once", /one-time/],
  ] as const) {
    const place = { code, cursor_pos: code.length - 1, detail_level: 0 };
    const { data } = await kernel().request('inspect_request', place);
    assert.match(JSON.stringify(data), said, code);
  }
});
