import assert from 'node:assert/strict';
import { mock, test, type TestContext } from 'node:test';
import { liveFigure, markdown, show, table, watch } from 'sparsebook/notebook/display';
import { hardConcreteDensity, penaltyCurve } from 'sparsebook/plots';
import { fakeKernel, type Shown } from './fakeKernel.ts';

const inKernel = (t: TestContext): Shown[] => {
  const { shown, leave } = fakeKernel();
  t.after(leave);
  return shown;
};
const hasPicture = ({ data }: Shown): boolean => 'image/png' in data;
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

test('a figure is one output with plotly, a picture and a sentence', (t) => {
  const shown = inKernel(t);
  show(penaltyCurve());
  assert.equal(shown.length, 1);
  assert.deepEqual(Object.keys(shown[0].data).sort(), ['application/vnd.plotly.v1+json', 'image/png', 'text/plain']);
});

test('updates that come too fast wait, the newest wins, and only the last is drawn as a picture', (t) => {
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
  assert.deepEqual(shown.map(hasPicture), [false, false, false, false, true]);
  assert.deepEqual(
    shown.map(({ update }) => update),
    [false, true, true, true, true],
  );
  assert.equal(new Set(shown.map(({ id }) => id)).size, 1);
});

test('a final update goes out at once, with a picture, and nothing follows it', (t) => {
  const shown = inKernel(t);
  mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  t.after(() => mock.timers.reset());
  const view = liveFigure(titled('first'));
  view.update(titled('waits'));
  view.update(titled('last'), { final: true });
  mock.timers.tick(1000);
  assert.deepEqual(shown.map(titleOf), ['first', 'last']);
  assert.deepEqual(shown.map(hasPicture), [true, true]);
});

test('outside of a notebook a figure prints its sentence, a table its text, and updates do nothing', (t) => {
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

test('Markdown keeps backslashes and drops the indentation that all lines share', (t) => {
  const shown = inKernel(t);
  void markdown`
    # ${'Title'}

      - $\frac{1}{2}$
  `;
  assert.equal(shown[0].data['text/markdown'], '# Title\n\n  - $\\frac{1}{2}$');
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
  assert.ok(hasPicture(last[1]));
});

test('outside of a notebook watching returns the events and prints one line', async (t) => {
  const lines = printed(t);
  async function* events() {
    yield start;
    for (let n = 1; n <= 4; n++) yield await Promise.resolve(step(n));
  }
  assert.equal((await watch(events())).length, 5);
  assert.equal(lines.length, 1);
  assert.match(
    lines[0],
    /^\[█{24}\] step 4 of 4, epoch 1 of 1, loss 0\.250, accuracy 50\.0 %, 100 images\/s, 0:00 left$/,
  );
});
