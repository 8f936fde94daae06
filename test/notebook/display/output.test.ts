import assert from 'node:assert/strict';
import { mock, test, type TestContext } from 'node:test';
import { dataFrame, requireOneTensorCore } from 'sparsebook/notebook/display/dataFrame.js';
import { liveFigure, show } from 'sparsebook/notebook/display/figure.js';
import { display, markdown } from 'sparsebook/notebook/display/output.js';
import { watch } from 'sparsebook/notebook/display/watch.js';
import { hardConcreteDensity } from 'sparsebook/plots/hardConcrete.js';
import { penaltyCurve } from 'sparsebook/plots/gateCurves.js';
import { fakeKernel, type Shown } from './fakeKernel.ts';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { type Row, table, tableColumns, tableForms } from 'sparsebook/notebook/display/table.js';
import { progressLine } from 'sparsebook/notebook/display/watch.js';

const inKernel = (t: TestContext): Shown[] => {
  const { shown, leave } = fakeKernel();
  t.after(leave);
  return shown;
};
const hasPng = ({ data }: Shown): boolean => 'image/png' in data;
const titled = (title: string) => {
  const figure = hardConcreteDensity();
  return { ...figure, layout: { ...figure.layout, title: { text: title } } };
};
const titleOf = ({ data }: Shown): string => String(data['text/plain']).split('.')[0];
const printed = (t: TestContext): string[] => {
  const lines: string[] = [];
  t.mock.method(console, 'log', (line: string) => lines.push(line));
  return lines;
};

test('a figure is one output with plotly, an image and a sentence', (t) => {
  const shown = inKernel(t);
  show(penaltyCurve());
  assert.equal(shown.length, 1);
  assert.deepEqual(Object.keys(shown[0].data).sort(), ['application/vnd.plotly.v1+json', 'image/png', 'text/plain']);
});

test('a caption is a second output, below its figure', (t) => {
  const shown = inKernel(t);
  show(penaltyCurve(), { scale: 1, caption: 'Look at the mark.' });
  assert.deepEqual(shown.map(hasPng), [true, false]);
  assert.deepEqual(shown[1].data, { 'text/markdown': '*Look at the mark.*', 'text/plain': 'Look at the mark.' });
});

test('updates that come too fast wait, the newest wins, and only the last is drawn as an image', (t) => {
  const shown = inKernel(t);
  mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  t.after(() => mock.timers.reset());
  const view = liveFigure(titled('0'), { final: false, interval: 100 });
  for (let i = 1; i <= 30; i++) {
    mock.timers.tick(10);
    view.update(titled(String(i)));
  }
  view.done();
  view.done();
  mock.timers.tick(1000);
  assert.deepEqual(shown.map(titleOf), ['0', '9', '19', '29', '30']);
  assert.deepEqual(shown.map(hasPng), [false, false, false, false, true]);
  assert.deepEqual(
    shown.map(({ update }) => update),
    [false, true, true, true, true],
  );
  assert.equal(new Set(shown.map(({ id }) => id)).size, 1);
});

test('a final update is sent at once, with an image, and nothing follows it', (t) => {
  const shown = inKernel(t);
  mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  t.after(() => mock.timers.reset());
  const view = liveFigure(titled('first'));
  view.update(titled('waits'));
  view.update(titled('last'), { final: true });
  mock.timers.tick(1000);
  assert.deepEqual(shown.map(titleOf), ['first', 'last']);
  assert.deepEqual(shown.map(hasPng), [true, true]);
});

test('outside a notebook a figure prints its sentence, a table its text, and updates do nothing', (t) => {
  const lines = printed(t);
  const view = liveFigure(penaltyCurve());
  view.update(penaltyCurve(), { final: true });
  table({ columns: ['run', 'gates'], values: [['a', 12]] });
  void markdown`
**bold**
  `;
  assert.equal(lines.length, 3);
  assert.match(lines[0], /^What an open gate costs\. The probability/);
  assert.equal(lines[1], 'run  gates\n---  -----\na       12');
  assert.equal(lines[2], '**bold**');
});

test('Markdown keeps backslashes and drops the indentation common to all lines', (t) => {
  const shown = inKernel(t);
  void markdown`
    # ${'Title'}

      - $\frac{1}{2}$
  `;
  assert.equal(shown[0].data['text/markdown'], '# Title\n\n  - $\\frac{1}{2}$');
});

test('a value of several lines does not change the indentation of the surrounding text', (t) => {
  const shown = inKernel(t);
  const rows = '| run |\n| --- |\n|   a |';
  void markdown`
    ${2} runs:

    ${rows}
      and more
  `;
  assert.equal(shown[0].data['text/markdown'], `2 runs:\n\n${rows}\n  and more`);
  void markdown`
one line
  `;
  void markdown`${''}`;
  assert.deepEqual(
    shown.slice(1).map(({ data }) => data['text/markdown']),
    ['one line', ''],
  );
});

test('bytes are shown by their type: an image in base64, a drawing as text', (t) => {
  const shown = inKernel(t);
  const file = Buffer.from('a file before <svg/> and behind');
  display({ 'image/png': Uint8Array.from([137, 80, 78, 71]), 'image/svg+xml': file.subarray(14, 20) });
  assert.deepEqual(shown[0].data, { 'image/png': 'iVBORw==', 'image/svg+xml': '<svg/>' });
});

const start = { type: 'start', epochs: 1, stepsPerEpoch: 4, startStep: 0 };
const step = (n: number) => ({
  type: 'step',
  step: n,
  epoch: 0,
  imagesPerSecond: 100,
  loss: 1 / n,
  crossEntropy: 1 / n,
  penalty: 0,
  accuracy: 0.5,
});

test('a run that fails leaves its last state on display and passes the error on', async (t) => {
  const shown = inKernel(t);
  async function* failing() {
    yield start;
    yield { type: 'warning', message: 'it gets hot' };
    yield step(1);
    yield step(2);
    await Promise.reject(new Error('the machine caught fire'));
  }
  const warnings: string[] = [];
  t.mock.method(console, 'warn', (line: string) => warnings.push(line));
  await assert.rejects(watch(failing()), /the machine caught fire/);
  assert.deepEqual(warnings, ['it gets hot']);
  const last = shown.slice(-2);
  assert.match(String(last[0].data['text/plain']), /step 2 of 4/);
  assert.match(String(last[1].data['text/plain']), /Over 2 training steps/);
  assert.ok(hasPng(last[1]));
});

test('a resumed run is drawn with its earlier steps', async (t) => {
  const shown = inKernel(t);
  const history = [start, step(1)];
  async function* events() {
    await Promise.resolve();
    history.push(step(2));
    yield step(2);
  }
  await watch({ history, events });
  assert.match(String(shown.at(-1)!.data['text/plain']), /Over 2 training steps/);
});

test('outside a notebook watching prints one line', async (t) => {
  const lines = printed(t);
  async function* events() {
    yield start;
    for (let n = 1; n <= 4; n++) yield await Promise.resolve(step(n));
  }
  await watch(events());
  assert.equal(lines.length, 1);
  assert.match(
    lines[0],
    /^\[█{24}\] step 4 of 4, epoch 1 of 1, loss 0\.250, accuracy 50\.0 %, 100 images\/s, 0\.0 s left$/,
  );
});

const frame = {
  columns: ['run', 'accuracy'],
  values: [
    ['a | <script>', 0.5],
    ['b', -0.125],
    ['c', null],
  ],
};

test('numbers are aligned on the right with the same decimals, and markup in a cell stays text', () => {
  const forms = tableForms(tableColumns(frame, {}), 'R & D');
  const html = String(forms['text/html']);
  assert.match(html, /^<table class="dataframe"><caption>R &amp; D<\/caption>/);
  assert.match(html, /<td style="text-align: right; font-variant-numeric: tabular-nums">-0\.125<\/td>/);
  assert.match(html, /a \| &lt;script&gt;/);
  assert.equal(
    forms['text/markdown'],
    '*R &amp; D*\n\n| run | accuracy |\n| :--- | ---: |\n| a \\| &lt;script&gt; | 0.500 |\n| b | -0.125 |\n| c |  |',
  );
  assert.equal(
    forms['text/plain'],
    'R & D\nrun           accuracy\n------------  --------\na | <script>     0.500\nb               -0.125\nc',
  );
});

test('no text in any place can become markup', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string(), (name, value, caption) => {
      const forms = tableForms(tableColumns({ columns: [name], values: [[value]] }, {}), caption);
      const text = String(forms['text/html']).replaceAll(
        /<\/?(table|caption|thead|tbody|tr|th|td)( [\w-]+="[\w\s:;-]*")*>/g,
        '',
      );
      assert.doesNotMatch(text, /[<>"']/);
    }),
  );
});

test('a format is a number of decimals or a function', () => {
  const [run, accuracy] = tableColumns(frame, {
    formats: { accuracy: 1, run: (value) => String(value).toUpperCase() },
  });
  assert.deepEqual(accuracy.cells, ['0.5', '-0.1', '']);
  assert.deepEqual(run.cells, ['A | <SCRIPT>', 'B', 'C']);
});

const columns: [string, unknown[], string[]][] = [
  ['years and other long numbers', [2023, 100234, 1234567.5], ['2023.0', '100234.0', '1234567.5']],
  ['integers', [2023, -5], ['2023', '-5']],
  ['numbers too small for four decimals', [1e-7, 5e-8, 0.00001], ['1e-7', '5e-8', '0.00001']],
  ['small ones beside larger ones', [0.25, 0.00001234567, 0], ['0.2500', '0.00001235', '0.0000']],
  ['numbers too large to be exact', [1e21, 1.5e300, 12, 2 ** 53 + 2], ['1e+21', '1.5e+300', '12', '9007199254740994']],
  ['thirds', [1 / 3, -2 / 3], ['0.3333', '-0.6667']],
  [
    'values that are not numbers, and missing ones',
    [NaN, null, undefined, Infinity, 1],
    ['NaN', '', '', 'Infinity', '1'],
  ],
  ['integers of any length', [5n, 9007199254740993n], ['5', '9007199254740993']],
];
for (const [what, values, right] of columns) {
  test(`a column shows ${what} as a program reads them`, () => {
    const [column] = tableColumns({ columns: ['x'], values: values.map((value) => [value]) }, {});
    assert.deepEqual(column, { name: 'x', numeric: true, cells: right });
  });
}

test('a format for a missing column is an error that names the columns', () => {
  assert.throws(() => tableColumns(frame, { formats: { acuracy: 2 } }), {
    name: 'UserError',
    message: "formats must name columns (run, accuracy); received 'acuracy'",
  });
});

test('an empty frame is a table without rows', () => {
  const forms = tableForms(tableColumns({ columns: ['a'], values: [] }, {}));
  assert.equal(forms['text/markdown'], '| a |\n| :--- |');
});

test('rows become a table, and so does a danfo data frame of them', () => {
  const rows = [
    { run: 'a', gates: 832, open: true },
    { run: 'b', gates: 41, open: false },
  ];
  const danfo = dataFrame(rows);
  assert.deepEqual(danfo.shape, [2, 3]);
  assert.deepEqual(tableColumns(rows, {}), tableColumns(danfo, {}));
  const columns = tableColumns(danfo.sortValues('gates'), {});
  assert.deepEqual(
    columns.map(({ cells }) => cells),
    [
      ['b', 'a'],
      ['41', '832'],
      ['false', 'true'],
    ],
  );
});

test('each value of a row is in the column of its name, whatever the other rows have', () => {
  const rows = [
    { run: 'dense', accuracy: 0.9 },
    { run: 'gated', lambda: 10, accuracy: 0.8 },
    { accuracy: 0.7, run: 'pruned' },
  ];
  const cells = [
    ['run', 'dense', 'gated', 'pruned'],
    ['accuracy', '0.9', '0.8', '0.7'],
    ['lambda', '', '10', ''],
  ];
  for (const given of [rows as Row[], dataFrame(rows as Row[])]) {
    assert.deepEqual(
      tableColumns(given, {}).map((column) => [column.name, ...column.cells]),
      cells,
    );
  }
});

test('a table can have more rows than a call takes arguments', () => {
  const columns = tableColumns(
    Array.from({ length: 200_000 }, (_, n) => ({ n })),
    {},
  );
  assert.match(String(tableForms(columns)['text/plain']), /^ +n\n-+\n +0\n[^]*199999$/);
});

test('a second TensorFlow.js in the dependency tree is refused', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'danfo-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const name of ['danfojs-node', '@tensorflow/tfjs-node', '@tensorflow/tfjs-core']) {
    mkdirSync(join(folder, 'node_modules', name), { recursive: true });
    writeFileSync(join(folder, 'node_modules', name, 'index.js'), '');
  }
  assert.throws(() => requireOneTensorCore(join(folder, 'node_modules/danfojs-node/index.js')), {
    name: 'UserError',
    message: /one TensorFlow\.js, but danfojs-node uses .*danfo-.* \(npm ci in its folder\)/,
  });
});

const begun = { type: 'start', epochs: 4, stepsPerEpoch: 25, startStep: 0 };
const last = { type: 'step', step: 25, epoch: 0, loss: 1.5, accuracy: 0.25, imagesPerSecond: 1234.5 };

test('the progress line shows epochs, accuracy, speed and time', () => {
  assert.equal(
    progressLine([begun, last], 20),
    '[██████░░░░░░░░░░░░░░░░░░] step 25 of 100, epoch 1 of 4, loss 1.500, accuracy 25.0 %, 1,235 images/s, 1:00 min left',
  );
});

test('the progress line of a run with max_steps ends there', () => {
  const limited = { ...begun, maxSteps: 50 };
  assert.match(progressLine([limited, last], 20), /^\[█{12}░{12}\] step 25 of 50, .*20\.0 s left$/);
});

test('the time left of a resumed run counts only its own steps', () => {
  const resumed = { ...begun, startStep: 20 };
  assert.match(progressLine([resumed, last], 10), /2:30 min left$/);
});

test('the line of a run that has ended gives the reason', () => {
  const end = { type: 'end', reason: 'aborted', message: 'stopped', seconds: 3700 };
  assert.match(progressLine([begun, last, end], 3701), /aborted after 1:01:40 h$/);
  assert.equal(progressLine([begun, end], 1), 'stopped');
});

test('a run of unknown length has no bar, and a run that has not begun is shown as waiting', () => {
  assert.equal(
    progressLine([last], 61),
    'step 25, epoch 1, loss 1.500, accuracy 25.0 %, 1,235 images/s, 1:01 min so far',
  );
  assert.equal(progressLine([], 0), 'training begins');
});
