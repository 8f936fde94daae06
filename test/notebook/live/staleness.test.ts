import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { cellsNeededBy } from 'sparsebook/notebook/live/code/links.js';
import { cellsDependingOn, linksOf, type ReadCells, readCells } from 'sparsebook/notebook/live/code/runPlan.js';
import { Staleness } from 'sparsebook/notebook/live/code/staleness.js';
import { statementsIn } from 'sparsebook/notebook/live/code/cellNames.js';
import { namesOf } from 'sparsebook/notebook/live/code/dependents.js';
import { setParameter } from 'sparsebook/notebook/run/parameters.js';

/** Cells identified by their position. */
const read = (sources: string[]): ReadCells =>
  readCells(sources.map((source, index) => ({ id: String(index), source })));

/** A document of these cells whose outputs come from a run from the top. */
class Document {
  code: ReadCells;
  readonly staleness: Staleness;
  private readonly sources: string[];

  constructor(...sources: string[]) {
    this.sources = sources;
    this.code = read(sources);
    this.staleness = new Staleness(this.code, (id) => sources[Number(id)]);
  }

  /** Runs every cell on the kernel. */
  warm(): this {
    return this.run(...this.sources.keys());
  }

  run(...cells: number[]): this {
    for (const cell of cells) {
      this.staleness.begin(this.code, String(cell));
      this.staleness.end(String(cell), true);
    }
    return this;
  }

  edit(cell: number, source: string): this {
    this.sources[cell] = source;
    this.code = read(this.sources);
    return this;
  }

  /** The stale cells, each with the names that make it stale. */
  stale(): Record<string, string> {
    return Object.fromEntries([...this.staleness.look(this.code)].map(([id, names]) => [id, names.join(' ')]));
  }

  toRun(otherwise: string[] = []): number[] {
    return this.staleness.toRun(this.code, () => false, otherwise).map(Number);
  }
}

test('the names of a cell are declared, used, assigned, mutated or passed to calls', () => {
  const statements = statementsIn(
    `import * as sb from 'sparsebook';
const { a, b: [c] } = f(x.y);
list.push(a);
count += 1; --steps; [low, { high }] = [w]; for (row of rows) {}
(net as any).layers[0].rate = 1; delete table.row;
new Model({ data, more: [...parts], made: g(q) }, one ? two : three);
console.log(seen.join(), JSON.stringify(told), Object.keys(kept));
Object.assign(target, from);
function h() {}
enum Mode { on = level }
namespace N { export const inner = 1; }
type Rate = Unit | number;`,
  );
  const { declares, uses, assigns, mutates, passes } = namesOf(statements)(statements);
  const sorted = (names: Set<string>): string[] => [...names].sort();
  assert.deepEqual(sorted(declares), ['Mode', 'N', 'Rate', 'a', 'c', 'h', 'sb']);
  for (const name of ['f', 'x', 'list', 'count', 'low', 'rows', 'net', 'seen', 'level', 'Unit'])
    assert.ok(uses.has(name), name);
  assert.equal(uses.has('y') || uses.has('more'), false);
  assert.deepEqual(sorted(assigns), ['count', 'high', 'low', 'row', 'steps']);
  assert.deepEqual(sorted(mutates), ['list', 'net', 'table', 'target']);
  assert.deepEqual(sorted(passes), ['a', 'data', 'from', 'one', 'parts', 'q', 'target', 'three', 'two', 'x'].sort());
});

const RATE = 'const rate = 2; // 1 to 10';

/** The cells that run again when `rate`, declared in cell 0, is moved on a kernel where everything has run. */
const reruns: [string, string[], number[]][] = [
  ['a call that may change its argument', ['const w = [1];', 'scale(w, rate);', 'console.log(w);'], [0, 2, 3]],
  ['a method', ['const w = [1];', 'w.fill(rate);', 'console.log(w);'], [0, 1, 2, 3]],
  ['a property', ['const w = { of: 1 };', 'w.of = rate;', 'console.log(w);'], [0, 1, 2, 3]],
  [
    "a part of a function's result",
    ['const o = { v: 0 };\nconst get = () => o;', 'get().v = rate;', 'console.log(o.v);'],
    [0, 1, 2, 3],
  ],
  [
    'a part of an import',
    ["import * as store from './store.ts';", 'store.state.v = rate;', 'console.log(store.state.v);'],
    [0, 1, 2, 3],
  ],
  ['Object.assign', ['const w = {};', 'Object.assign(w, { rate });', 'console.log(w);'], [0, 1, 2, 3]],
  ['an assignment', ['let n = 0;', 'n = rate;', 'console.log(n);'], [0, 1, 2, 3]],
  [
    'a destructuring assignment',
    ['let low = 0, high = 0;', '[low, high] = [rate, 1];', 'console.log(high);'],
    [0, 1, 2, 3],
  ],
  ['into an object', ['let low = 0;', '({ low, high: o.high } = { low: rate });', 'show(low);'], [0, 1, 2, 3]],
  [
    'a destructuring declaration',
    ['const { low: [n = 1] } = f(rate);', 'console.log(n);', 'console.log(1);'],
    [0, 1, 2],
  ],
  ['a step', ['let n = 0;', 'if (rate > 1) n++;', 'console.log(n);'], [0, 1, 2, 3]],
  ['a loop over an earlier variable', ['let last = 0;', 'for (last of [rate]) {}', 'console.log(last);'], [0, 1, 2, 3]],
  [
    'another name for the same object',
    ['const w = [1]; const same = w;', 'same.push(rate);', 'console.log(w);'],
    [0, 1, 2, 3],
  ],
  [
    'a part of the object',
    ['const w = [[1]];', 'for (const row of w) row.push(rate);', 'console.log(w);'],
    [0, 1, 2, 3],
  ],
  [
    'a part of the object, in a callback',
    ['const w = [[1]];', 'w.forEach((row) => row.push(rate));', 'console.log(w);'],
    [0, 1, 2, 3],
  ],
  ['its container', ['const w = [1]; const all = { w };', 'w.push(rate);', 'console.log(all);'], [0, 1, 2, 3]],
  ...[
    'const one = w.find((row) => row.v)!; one.v = rate;',
    'w.at(0)!.list.push(rate);',
    'const all = w.concat(); all[0].v = rate;',
    'for (const row of w.filter((one) => one.v)) row.v = rate;',
    'for (const [, row] of Object.entries(w)) row.v = rate;',
    'w.slice().forEach((row) => (row.v = rate));',
    '[...w].forEach((row) => (row.v = rate));',
    'Object.values(w).forEach((row) => (row.v = rate));',
    'const all = Array.from(w); all[0].v = rate;',
    'for (const row of new Set(w)) row.v = rate;',
    'const of = new Proxy(w, {}); of[0].v = rate;',
    'const set = (to, rows = w) => { rows[0].v = to; }; set(rate);',
  ].map((code): [string, string[], number[]] => [
    `an element, ${code}`,
    ['const w = [{ v: 1, list: [] }];', code, 'console.log(w);'],
    [0, 1, 2, 3],
  ]),
  [
    'a new list that is sorted',
    ['const w = [{ v: 1 }];', 'console.log([...w].sort((a, b) => rate * (a.v - b.v)));', 'console.log(w);'],
    [0, 2],
  ],
  ['an enum', ['enum Mode { On = rate }', 'console.log(Mode.On);', 'console.log(1);'], [0, 1, 2]],
  ['a namespace', ['namespace N { export const n = rate; }', 'console.log(N.n);'], [0, 1, 2]],
  ['a class', ['class Scale { by = rate; }', 'console.log(new Scale().by);'], [0, 1, 2]],
  [
    'a class that another class extends',
    ['class A { by = rate; }', 'class B extends A {}', 'show(new B());'],
    [0, 1, 2, 3],
  ],
  ['a type', ['type Rate = typeof rate;', 'const n: Rate = 1;', 'console.log(n);'], [0, 1, 2, 3]],
  [
    'a function that makes the change',
    ['let n = 0;', 'function step() { n++; }', 'step(rate);', 'console.log(n);'],
    [0, 1, 2, 3, 4],
  ],
  [
    'a function that changes its argument',
    ['const w = [1]; function add(list: number[], n: number) { list.push(n); }', 'add(w, rate);', 'console.log(w);'],
    [0, 1, 2, 3],
  ],
  [
    'a function that passes it on to such a function',
    [
      'const w = [1]; const add = (list) => void list.push(1); const twice = (of) => { add(of); add(of); };',
      'if (rate) twice(w);',
      'console.log(w);',
    ],
    [0, 1, 2, 3],
  ],
  [
    'a function that only reads it',
    ['const w = [1]; const tell = (list) => console.log(list);', 'tell(w, rate);', 'console.log(w);'],
    [0, 2],
  ],
  [
    'a method of an object of the notebook',
    ['const c = { n: 0, up(by) { this.n += by; } };', 'c.up(rate);', 'show(c.n);'],
    [0, 1, 2, 3],
  ],
  [
    'an object that contains such a function',
    ['let n = 0; const c = { up() { n++; } };', 'c.up(rate);', 'console.log(n);'],
    [0, 1, 2, 3],
  ],
  [
    'a function above that reads it',
    ['let n = 0;', 'const tell = () => n;', 'n = rate;', 'show(tell());'],
    [0, 1, 2, 3, 4],
  ],
  ['a value beside it', ['console.log(1);', 'const k = 1;'], [0]],
  ['a constant, which no call changes', ['const k = 1;', 'scale(k, rate);', 'console.log(k);'], [0, 2]],
  [
    'a value that is only read',
    ['const w = [1];', 'console.log(rate, w, w.join(), w.map((n) => n + 1));', 'console.log(w);'],
    [0, 2],
  ],
  [
    'a counter of its own loop, but not of another',
    ['for (let i = 0; i < rate; i++) log(i);', 'for (let i = 0; i < 3; i++) log(i);', 'log(i);'],
    [0, 1],
  ],
  [
    'a sum of its own function, but not of another',
    [
      'const one = (rows) => { let sum = rate; for (const row of rows) sum += row; return sum; };',
      'const other = (rows) => { let sum = 0; for (const row of rows) sum += row; return sum; };',
      'show(one([1]));',
    ],
    [0, 1, 3],
  ],
  [
    'a name that a block elsewhere declares for itself',
    ['let i = 0;', '{ let i = 5; i++; }\ni = rate;', 'show(i);'],
    [0, 1, 2, 3],
  ],
  [
    'a local name for a shared object',
    ['const w = [1];', '{ let v = 0; v = w; v.push(rate); }', 'show(w);'],
    [0, 1, 2, 3],
  ],
  ['printed text', ['process.stdout.write(`${rate}`);', 'show(process.version);'], [0, 1]],
  ['an import', ["import { show } from 'x';", 'show(rate);', 'show(1);'], [0, 2]],
  ['a name that is declared again', ['const t = 1;', 'const u = rate;', 'const u = 5;', 'show(u);'], [0, 2, 3, 4]],
];
for (const [what, sources, right] of reruns) {
  test(`cells that depend on a parameter through ${what} are stale, and run again`, () => {
    const document = new Document(RATE, ...sources).warm();
    assert.deepEqual(document.stale(), {});
    document.edit(0, 'const rate = 5; // 1 to 10');
    assert.deepEqual(document.toRun(), right);
    const stale = Object.keys(document.stale()).map(Number);
    assert.ok(
      stale.every((cell) => right.includes(cell)),
      String(stale),
    );
    document.run(...right);
    assert.deepEqual(document.stale(), {});
  });
}

/** The stale cells after something has happened to a document whose outputs come from a file. */
const marks: [string, string[], (document: Document) => unknown, Record<string, string>][] = [
  ['nothing has happened', ['const a = f();', 'show(a);'], () => undefined, {}],
  [
    'a source is edited, with the cells that use what changes',
    ['const a = 1; const b = 1;', 'show(a);', 'show(b);'],
    (at) => at.edit(0, 'const a = 2; const b = 1;'),
    { 0: '', 1: 'a' },
  ],
  [
    'an edit is taken back',
    ['const a = 1;', 'show(a);'],
    (at) => at.edit(0, 'const a = 2;').edit(0, 'const a = 1;'),
    {},
  ],
  [
    'an edited cell has run',
    ['const a = 1;', 'const b = f(a);', 'show(b);'],
    (at) => at.edit(0, 'const a = 2;').run(0),
    { 1: 'a', 2: 'b' },
  ],
  [
    'an edited cell and the next have run',
    ['const a = 1;', 'const b = f(a);', 'show(b);'],
    (at) => at.edit(0, 'const a = 2;').run(0, 1),
    { 2: 'b' },
  ],
  [
    'a cell runs before the cells that it needs',
    ['const a = 1;', 'const b = f(a);', 'show(b);'],
    (at) => at.edit(0, 'const a = 2;').run(1),
    { 0: '', 1: 'a', 2: 'b' },
  ],
  ['a cell runs on a new kernel', ['const a = f();', 'show(a);'], (at) => at.run(0), {}],
  [
    'a cell that calls something runs again',
    ['const a = f();', 'show(a);', 'show(1);'],
    (at) => at.run(0, 0),
    { 1: 'a' },
  ],
  ['a step runs again', ['let n = 0;', 'n++;', 'show(n);'], (at) => at.warm().run(1), { 2: 'n' }],
  [
    'plain values run again',
    ['const a = 1; enum E { A }; function f() {}', 'show(a, E, f);'],
    (at) => at.warm().run(0),
    {},
  ],
  ['a kernel is gone', ['const a = f();', 'show(a);'], (at) => at.warm().staleness.forgetKernel(), {}],
  [
    'a function that another one calls is edited',
    ['const f = () => 1;', 'const g = () => f();', 'show(g());'],
    (at) => at.edit(0, 'const f = () => 2;'),
    { 0: '', 1: 'f', 2: 'g f' },
  ],
  [
    'an enum is edited',
    ['enum Mode { A = 1 }', 'show(Mode.A);'],
    (at) => at.edit(0, 'enum Mode { A = 2 }'),
    { 0: '', 1: 'Mode' },
  ],
];
for (const [what, sources, act, right] of marks) {
  test(`cells are stale when ${what}: ${Object.keys(right).join(', ') || 'none'}`, () => {
    const document = new Document(...sources);
    act(document);
    assert.deepEqual(document.stale(), right);
  });
}

test('a cell that fails stays as stale as it was', () => {
  const document = new Document('const a = 1;', 'show(a);').warm().edit(0, 'const a = 2;').run(0);
  document.staleness.begin(document.code, '1');
  assert.deepEqual(document.stale(), {}, 'while it runs it is not to run once more');
  document.staleness.end('1', false);
  assert.deepEqual(document.stale(), { 1: 'a' });
});

test('a cell that ran with an unknown source makes all dependent cells stale', () => {
  const code = read(['const a = 1;', 'show(a);', 'show(1);']);
  const staleness = new Staleness(code, (id) => (id === '0' ? undefined : code.cells[Number(id)].source));
  assert.deepEqual(
    [...staleness.look(code)],
    [
      ['0', []],
      ['1', ['a']],
    ],
  );
});

test('on a fresh kernel stale cells run, with the cells they need; if none is stale, all run', () => {
  const sources = [
    RATE,
    'const data = load();',
    'train(data, 1);',
    'const w = [];',
    'w.push(data);',
    'show(w, rate);',
    'show(data);',
  ];
  assert.deepEqual(new Document(...sources).toRun(), [0, 1, 2, 3, 4, 5, 6]);
  // No parser can know whether train changes the data, or has other effects.
  assert.deepEqual(new Document(...sources).edit(0, 'const rate = 3;').toRun(), [0, 1, 2, 3, 4, 5]);
  const missing = new Document(...sources).edit(0, 'const rate = 3;');
  assert.deepEqual(
    missing.staleness.toRun(missing.code, (id) => id === '6', []),
    ['0', '1', '2', '3', '4', '5', '6'],
  );
});

test('if nothing is stale, the cells given otherwise run', () => {
  assert.deepEqual(new Document(RATE, 'show(rate);', 'show(1);').warm().toRun(['0', '1']), [0, 1]);
});

test('an injected value stays when another one is moved', () => {
  const document = new Document('const a = 1;\nconst b = 2;', 'const a = 5;', 'show(b);', 'show(a);').warm();
  assert.deepEqual(document.edit(0, 'const a = 1;\nconst b = 3;').toRun(), [0, 1, 2]);
});

test('the cells that a cell needs, and those that depend on it, are found', () => {
  const code = read([
    'const a = 1;',
    'let n = a;',
    'n = 2;',
    'const b = 1;',
    'console.log(n);',
    'const c = n + b;',
    'show(c);',
  ]);
  assert.deepEqual(cellsNeededBy(linksOf(code), '6'), ['0', '1', '2', '3', '5']);
  assert.deepEqual(cellsDependingOn(code, '1'), ['2', '4', '5', '6']);
  assert.deepEqual(cellsDependingOn(code, '0', ['gone']), []);
});

test('moving lambda in notebook 01 runs the cells of lambda, not those of other parameters', () => {
  const { cells } = JSON.parse(readFileSync('notebooks/01-l0-googlenet.ipynb', 'utf8')) as {
    cells: { cell_type: string; source: string[] }[];
  };
  const sources = cells.filter(({ cell_type }) => cell_type === 'code').map(({ source }) => source.join(''));
  const document = new Document(...sources).warm();
  document.edit(0, setParameter(sources[0], 'lambda_l0', 35));
  const uses = (cell: number): boolean => /\b(?:tuned|gated|results|fromTrained)\b|\(lambda_l0\)/.test(sources[cell]);
  assert.deepEqual(document.toRun(), [0, ...[...sources.keys()].filter(uses)]);
});
