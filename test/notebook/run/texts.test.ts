import assert from 'node:assert/strict';
import { homedir } from 'node:os';
import { test } from 'node:test';
import { duration, type Cell } from 'sparsebook/notebook/run';
import { cellTitle } from 'sparsebook/notebook/run/cellTitle.js';
import { machinePathRemover } from 'sparsebook/notebook/run/machinePaths.js';
import { terminalText } from 'sparsebook/notebook/run/terminalText.js';

test('a terminal text is what a terminal would show', () => {
  const cases: [string, string][] = [
    ['plain\ntext', 'plain\ntext'],
    ['windows\r\nlines\r\n', 'windows\nlines\n'],
    ['long line\rshort', 'shortline'],
    ['long line\r\x1b[Kshort', 'short'],
    ['long line\r\x1b[2Kshort\r', 'short'],
    ['ab\b\bcd', 'cd'],
    ['ab\b\b\b\bc', 'cb'],
    ['1\r2\r3\n4\r5', '3\n5'],
    ['█░░\r██░', '██░'],
  ];
  for (const [raw, shown] of cases) assert.equal(terminalText(raw), shown, JSON.stringify(raw));
});

const markdown = (source: string): Cell => ({ cell_type: 'markdown', id: 'm', metadata: {}, source });
const code = (source: string): Cell => ({
  cell_type: 'code',
  id: 'c',
  metadata: {},
  source,
  outputs: [],
  execution_count: null,
});

test('a cell is called by the nearest heading above it, else its first comment, else its first line', () => {
  const fenced = markdown('prose\n## Training *two* [lambdas](x.md)\n```sh\n# not a heading\n```');
  assert.equal(cellTitle([markdown('# One'), fenced, code('x')], 2), 'Training two lambdas');
  assert.equal(cellTitle([markdown('no heading'), code('// Load the data  \nx')], 1), 'Load the data');
  assert.equal(cellTitle([code('/**\n * Prepare\n */\nx')], 0), '* Prepare'.slice(0, 9));
  assert.equal(cellTitle([code('\nconst x = 1;\ny')], 0), 'const x = 1;');
  assert.equal(cellTitle([code(`// ${'long '.repeat(20)}`)], 0).length, 60);
});

test("places of this machine become relative to the project, or '~'", () => {
  const clean = machinePathRemover(process.cwd());
  const root = process.cwd();
  assert.equal(clean(`at f (file://${root}/dist/a.js:1:2)`), 'at f (dist/a.js:1:2)');
  assert.equal(clean(`in ${root}`), 'in .');
  assert.equal(clean(`not ${root}er`), `not ${root}er`);
  const inHome = machinePathRemover(process.cwd(), '/home/jane.doe');
  assert.equal(inHome('/home/jane.doe/.cache and /home/jane.doe2'), '~/.cache and /home/jane.doe2');
  assert.equal(machinePathRemover('/', '/')('/usr/lib'), '/usr/lib', 'the root of the file system is no secret');
  assert.ok(homedir());
});

test('durations are written as a person reads them', () => {
  assert.deepEqual([4.24, 59.99, 187, 3723].map(duration), ['4.2 s', '60.0 s', '3:07 min', '1:02:03 h']);
});
