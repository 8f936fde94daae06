import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedKernel } from './cells.ts';

const { execute } = sharedKernel();

test('a failed cell keeps the variables, functions and types that it got to', async () => {
  await execute(`import { sep } from 'node:path';
type Text = string;
const before: Text = 'set', pair = [before, sep];
function both(): Text { return pair.join(''); }
throw new Error('half');
const after = 1;
let afterwards = 2;`);
  const { result } = await execute('const text: Text = both();\ntext + before + sep');
  assert.equal(result(), 'set/set/');
  for (const name of ['after', 'afterwards']) {
    assert.match((await execute(name)).traceback(), new RegExp(`Cannot find name '${name}'`));
  }
});

test('what a failed cell did not get to keeps the value and the type from before', async () => {
  await execute('const kept = "old", lost = "old";\nclass Shape { sides = 3 }');
  await execute(
    'const kept = 1;\nawait null;\nif (kept) throw new Error("half");\nconst lost = 2;\nclass Shape { sides = 4 }',
  );
  const { traceback, result } = await execute('[kept.toFixed(1), lost.toUpperCase(), new Shape().sides].join()');
  assert.equal(traceback(), '');
  assert.equal(result(), '1.0,OLD,3');
});

test('a cell that does not compile changes nothing', async () => {
  await execute('const kept: number = "text";\nconst never = 1;');
  assert.equal((await execute('kept.toFixed(2)')).result(), '1.00');
});

/** A cell, and the lines of its traceback. */
const traces: Record<string, [code: string, lines: string[]]> = {
  'after types, comments and blank lines': [
    'interface Point {\n  x: number;\n}\n\n// one\nconst p: Point = { x: 1 };\nthrow new RangeError(`x ${p.x}`);',
    ['RangeError: x 1', 'at cell:7:7'],
  ],
  'in a function of the cell': [
    'type T = number;\n\nexport function deep(n: T): never {\n  throw new Error(`n ${n}`);\n}\n\n  deep(2);',
    ['Error: n 2', 'at deep (cell:4:9)', 'at cell:7:3'],
  ],
  'in a function of an earlier cell': ['\n deep(3);', ['Error: n 3', 'at deep (cell NUMBER:4:9)', 'at cell:2:6']],
  'after an await': [
    'type U = string;\nconst wait = async (text: U): Promise<void> => {\n  await null;\n  throw new Error(text);\n};\nawait wait("late");',
    ['Error: late', 'at wait (cell:4:9)', 'at async cell:6:1'],
  ],
  'beside properties of its own': [
    'import { readFileSync } from "node:fs";\n\nreadFileSync("/nowhere");',
    ["Error: ENOENT: no such file or directory, open '/nowhere'", 'at cell:3:13 {'],
  ],
};

for (const [where, [code, lines]] of Object.entries(traces)) {
  test(`a traceback names the line of the cell as it was written: ${where}`, async () => {
    const { traceback } = await execute(code);
    const told = traceback()
      .split('\n')
      .map((line) => line.trim().replace(/cell \d+/, 'cell NUMBER'))
      .filter((line) => lines.includes(line) || line.includes('cell') || /^\w*Error/.test(line));
    assert.deepEqual(told, lines);
  });
}

test('the stack that a cell prints is the one that its traceback shows', async () => {
  const { stdout } = await execute(
    'type T = 1;\ntry {\n  JSON.parse("{");\n} catch (error) {\n  console.log(error.stack.split("\\n").at(-1));\n}',
  );
  assert.equal(stdout(), '    at cell:3:8\n');
});

test('an error whose message is no text is told all the same, and the kernel lives', async () => {
  const { outcome } = await execute(
    'const odd: any = new Error(); odd.message = { status: 500 }; odd.name = 5; throw odd;',
  );
  assert.equal(outcome.status, 'error');
  assert.equal((await execute('1 + 1')).result(), '2');
});
