import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cell } from 'sparsebook/notebook/run';
import { cellTitle } from 'sparsebook/notebook/run/notebook.js';
import { cleanBundle, machinePathRemover } from 'sparsebook/notebook/run/machinePaths.js';
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
    ['a\nb\n\x1b[2A\x1b[2KA\n\x1b[2KB\n', 'A\nB\n'],
    ['tab\there\b\bX', 'tab\theXe'],
    ['\x1b[32mworking\x1b[0m\rdone', 'done\x1b[32ming\x1b[0m'],
    ['\x1b[33m50%\x1b[39m\r\x1b[32m100%\x1b[39m', '\x1b[32m100%\x1b[0m'],
    ['a\r\x1b[1;38;5;208;41mb', '\x1b[1;38;5;208;41mb'],
    ['abc\x1b[2Dx\x1b[1Gy\x1b[Cz', 'yxz'],
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

const root = process.cwd();
const shortened: [what: string, text: string, shown: string][] = [
  ['a file address in a stack', `at f (file://${root}/dist/a.js:1:2)`, 'at f (dist/a.js:1:2)'],
  ['the project itself', `in ${root}`, 'in .'],
  ['the project with a slash', `in ${root}/.`, 'in ./.'],
  ['a folder whose name goes on', `not ${root}er`, `not ${root}er`],
  ['the home folder', '/home/al/.cache', '~/.cache'],
  ['the home folder at the end of a sentence', 'saved in /home/al.', 'saved in ~.'],
  ['a list of folders', 'PATH=/bin:/home/al/bin', 'PATH=/bin:~/bin'],
  [
    'another home folder',
    '/home/alice /home/al2 /home/al.b /home/al-b /home/alé',
    '/home/alice /home/al2 /home/al.b /home/al-b /home/alé',
  ],
  ['a path in a longer path', '/mnt/home/al/x backup/home/al ../home/al', '/mnt/home/al/x backup/home/al ../home/al'],
  ['an address', 'https://x.org/home/al/data.csv', 'https://x.org/home/al/data.csv'],
  ['an address with a port and a query', 'http://[::1]:80/home/al?in=/home/al', 'http://[::1]:80/home/al?in=/home/al'],
  ['an address, then a path', 'GET https://x.org/home/al /home/al', 'GET https://x.org/home/al ~'],
  ['a link in HTML', '<a href="https://x.org/home/al">/home/al</a>', '<a href="https://x.org/home/al">~</a>'],
  ['a picture in base64', 'src="data:image/png;base64,AB+/home/al/+"', 'src="data:image/png;base64,AB+/home/al/+"'],
  ['a path behind a colour', '\x1b[90m/home/al/x\x1b[39m', '\x1b[90m~/x\x1b[39m'],
  ['a text that was quoted', '{"a":"x\\n/home/al/y"}', '{"a":"x\\n~/y"}'],
];
for (const [what, text, shown] of shortened) {
  test(`places of this machine become short where a path begins, and nowhere else: ${what}`, () => {
    assert.equal(machinePathRemover(root, '/home/al')(text), shown);
  });
}

test('the root of the file system is no secret', () => {
  assert.equal(machinePathRemover('/', '/')('/usr/lib'), '/usr/lib');
});

test('what an output shows gives no place away either, in any of its forms', () => {
  const bundle = {
    'text/plain': ['in /home/al\n', 'ok'],
    'text/html': '<b>/home/al/x</b>',
    'image/svg+xml': '<text>/home/al</text>',
    'image/png': '/home/al',
    'application/vnd.plotly.v1+json': { data: [{ text: ['/home/al/x', 1, null] }], layout: { title: '/home/al' } },
  };
  const clean = machinePathRemover(root, '/home/al');
  assert.deepEqual(cleanBundle(bundle, clean), {
    'text/plain': ['in ~\n', 'ok'],
    'text/html': '<b>~/x</b>',
    'image/svg+xml': '<text>~</text>',
    'image/png': '/home/al',
    'application/vnd.plotly.v1+json': { data: [{ text: ['~/x', 1, null] }], layout: { title: '~' } },
  });
  assert.equal(cleanBundle(bundle, clean), cleanBundle(bundle, clean), 'the same object: a page sees no change');
});
