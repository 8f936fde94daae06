import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Message } from 'sparsebook/notebook/kernel/wire.js';
import { joined, type Output } from 'sparsebook/notebook/run/notebook.js';
import { NotebookOutputs, OutputArea } from 'sparsebook/notebook/run/outputArea.js';
import { KeptText, keptText, type OutputLimits } from 'sparsebook/notebook/run/outputLimits.js';

const message = (msg_type: string, content: Record<string, unknown>): Message => ({
  header: { msg_id: '', session: '', username: '', date: '', version: '5.3', msg_type },
  parent_header: {},
  metadata: {},
  content,
});
const stream = (name: string, text: string): Message => message('stream', { name, text });
const display = (text: string, display_id?: string, type = 'display_data'): Message =>
  message(type, { data: { 'text/plain': text }, metadata: {}, transient: { display_id } });

function folded(...messages: Message[]): unknown[] {
  const area = new OutputArea();
  for (const one of messages) area.add(one);
  return area.outputs();
}

const streamed = (name: string, ...text: string[]): unknown => ({ output_type: 'stream', name, text });
const displayed = (...text: string[]): unknown => ({
  output_type: 'display_data',
  data: { 'text/plain': text },
  metadata: {},
});

test('neighbouring texts of one stream become one output, split into lines', () => {
  const outputs = folded(
    stream('stdout', 'a\nb'),
    stream('stdout', 'c\n'),
    stream('stderr', 'e'),
    stream('stdout', 'd'),
  );
  assert.deepEqual(outputs, [streamed('stdout', 'a\n', 'bc\n'), streamed('stderr', 'e'), streamed('stdout', 'd')]);
});

test('a progress line is saved in its last state, even if it spans several messages', () => {
  const outputs = folded(stream('stdout', '  1 %'), stream('stdout', '\r 50 %\r'), stream('stdout', '100 %\ndone'));
  assert.deepEqual(outputs, [streamed('stdout', '100 %\n', 'done')]);
});

test('an update changes every display with its id, in other cells too', () => {
  const notebook = new NotebookOutputs();
  const [first, second] = [new OutputArea(notebook), new OutputArea(notebook)];
  first.add(display('old', 'x'));
  first.add(display('other'));
  second.add(display('old', 'x'));
  second.add(display('new', 'x', 'update_display_data'));
  assert.deepEqual(first.outputs(), [displayed('new'), displayed('other')]);
  assert.deepEqual(second.outputs(), [displayed('new')]);
});

test('an update without a display is ignored', () => {
  assert.deepEqual(folded(display('new', 'x', 'update_display_data')), []);
});

test('clear_output empties the cell at once, or, with wait, when the next output comes', () => {
  const clear = (wait: boolean): Message => message('clear_output', { wait });
  assert.deepEqual(folded(stream('stdout', 'a'), clear(false)), []);
  assert.deepEqual(folded(stream('stdout', 'a'), clear(true)), [streamed('stdout', 'a')]);
  assert.deepEqual(folded(stream('stdout', 'a'), clear(true), display('b'), display('c')), [
    displayed('b'),
    displayed('c'),
  ]);
});

test('text is saved as lines, base64 and JSON as they are', () => {
  const figure = { data: [{ y: [1, 2] }] };
  const data = { 'text/html': '<b>\n</b>', 'image/png': 'aGk=\n', 'application/vnd.plotly.v1+json': figure };
  const content = { data, metadata: {}, execution_count: 3 };
  assert.deepEqual(folded(message('execute_result', content)), [
    {
      output_type: 'execute_result',
      execution_count: 3,
      metadata: {},
      data: { ...data, 'text/html': ['<b>\n', '</b>'] },
    },
  ]);
});

test('errors keep name, value and traceback, and are passed through the cleaner', () => {
  const area = new OutputArea();
  area.add(message('error', { ename: 'E', evalue: 'in /home/me/x', traceback: ['at /home/me/x:1'], extra: 1 }));
  const outputs = area.outputs((text) => text.replaceAll('/home/me/', ''));
  assert.deepEqual(outputs, [{ output_type: 'error', ename: 'E', evalue: 'in x', traceback: ['at x:1'] }]);
});

test('messages that are not outputs change nothing', () => {
  assert.deepEqual(folded(message('status', { execution_state: 'busy' }), message('execute_input', { code: '' })), []);
});

const limits: OutputLimits = { text: 1000, outputs: 3, representation: 2000, cell: 5000, notebook: 8000 };

const shown = (data: Record<string, unknown>, id?: string, type = 'display_data'): Message =>
  message(type, { data, metadata: {}, transient: { display_id: id } });
const failure = { ename: 'E', evalue: 'failed', traceback: [] };

/** The text of an output of any kind. */
function said(output: Output): string {
  if (output.output_type === 'stream') return joined(output.text);
  if (output.output_type === 'error') return output.evalue;
  return joined((output.data['text/plain'] ?? output.data['text/html']) as string[]);
}

test('of a long text the beginning and the end are kept, with a note of how much is missing', () => {
  const line = (n: number): string => `line ${n}\n`;
  const text = Array.from({ length: 10_000 }, (_, n) => line(n)).join('');
  const kept = new KeptText(1000);
  for (let n = 0; n < 10_000; n++) kept.add(line(n));
  const [head, tail] = String(kept).split(/…[^…]*…\n/);
  assert.ok(text.startsWith(head) && text.endsWith(tail));
  assert.ok(head.length >= 500 && tail.length >= 400 && String(kept).length < 1400);
  const missing = Number(/([\d,]+) characters are left out/.exec(String(kept))?.[1].replaceAll(',', ''));
  assert.equal(missing, text.length - head.length - tail.length);
  assert.equal(keptText('short', 1000), 'short');
});

test('kept text never grows beyond the limit, whatever is printed and in whatever pieces', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme', maxLength: 300 }), { maxLength: 40 }), (pieces) => {
      const kept = new KeptText(200);
      for (const piece of pieces) kept.add(piece);
      const text = pieces.join('');
      if (text.length <= 200 && !/[\r\b]/.test(text)) assert.equal(String(kept), text);
      assert.ok(String(kept).length < 200 + 200 + 1200);
      // Throws on half a character.
      encodeURIComponent(String(kept));
    }),
  );
});

test('a progress line that redraws itself a hundred thousand times is not cut', () => {
  const kept = new KeptText(1000);
  kept.add('start\n');
  for (let n = 0; n <= 100_000; n++) kept.add(`\rstep ${n}`);
  assert.equal(String(kept), 'start\nstep 100000');
});

test('beyond the limit outputs are counted, and the last one says how many are missing', () => {
  const area = new OutputArea(new NotebookOutputs(limits));
  for (let n = 0; n < 5; n++) area.add(shown({ 'text/plain': String(n) }));
  const outputs = area.outputs();
  assert.equal(outputs.length, 4);
  assert.match(said(outputs[3]), /2 further outputs are left out \(6 characters\): of one cell the first 3 are kept/);
});

test('a representation that is too large is replaced by a note; a long text in a bundle is cut', () => {
  const area = new OutputArea(new NotebookOutputs(limits));
  area.add(shown({ 'text/html': 'x'.repeat(3000), 'text/plain': 'words' }));
  area.add(shown({ 'text/plain': 'y'.repeat(3000) }));
  area.add(shown({ 'application/json': { list: Array.from({ length: 1000 }, (_, i) => i) } }));
  const texts = area.outputs().map((output) => {
    assert.ok(output.output_type === 'display_data');
    assert.deepEqual(Object.keys(output.data), ['text/plain']);
    return joined(output.data['text/plain'] as string[]);
  });
  assert.match(
    texts[0],
    /^… text\/html of 3,000 characters left out: at most 2,000 characters are kept, in 1,000 levels …\nwords$/,
  );
  assert.match(texts[1], /2,000 characters are left out/);
  assert.match(texts[2], /application\/json of 3,900 characters left out/);
});

test('an endless traceback is cut too', () => {
  const area = new OutputArea(new NotebookOutputs(limits));
  area.add(message('error', { ename: 'E', evalue: 'v'.repeat(5000), traceback: Array(1000).fill('    at cell') }));
  const [output] = area.outputs();
  assert.ok(output.output_type === 'error');
  assert.ok(output.evalue.length < 1300 && output.traceback.join('\n').length < 2300);
  assert.match(output.traceback.join('\n'), /characters are left out here/);
});

test('a structure too deep to be written is left out, whatever contains it', () => {
  let deep: unknown = 1;
  for (let level = 0; level < 20_000; level++) deep = level % 2 ? [deep] : { deep };
  const area = new OutputArea(new NotebookOutputs(limits));
  area.add(shown({ 'application/json': deep, 'text/plain': 'words' }));
  area.add(message('display_data', { data: { 'text/plain': 'more' }, metadata: { deep } }));
  assert.deepEqual(area.outputs().map(said), [
    '… application/json of more than 1,000 levels left out: at most 2,000 characters are kept, in 1,000 levels …\nwords',
    'more',
  ]);
  JSON.stringify(area.outputs());
});

test('a cell is cut at its total, a notebook at its own, and both say how much is missing', () => {
  const notebook = new NotebookOutputs({ ...limits, outputs: 100 });
  const [first, second] = [new OutputArea(notebook), new OutputArea(notebook)];
  const large = (letter: string): Message => shown({ 'text/html': letter.repeat(1900) });
  for (const letter of 'abcd') first.add(large(letter));
  first.add(message('stream', { name: 'stdout', text: 'after it' }));
  for (const letter of 'ef') second.add(large(letter));
  const letters = (area: OutputArea): string[] => area.outputs().map((output) => said(output)[0]);
  assert.deepEqual(letters(first), ['a', 'b', '…']);
  assert.match(said(first.outputs()[2]), /3 further outputs are left out \(3,812 characters\).* 5,000 .* 8,000/);
  assert.deepEqual(letters(second), ['e', 'f']);
  second.add(large('g'));
  assert.deepEqual(letters(second), ['e', 'f', '…']);
  first.clear();
  second.clear();
  for (const letter of 'hi') second.add(large(letter));
  assert.deepEqual(letters(second), ['h', 'i'], 'what is cleared makes room');
  assert.equal(notebook.size, 2 * 1902);
});

test('an error is kept beyond every limit', () => {
  const area = new OutputArea(new NotebookOutputs(limits));
  for (let n = 0; n < 10; n++) area.add(shown({ 'text/plain': 'x'.repeat(900) }));
  for (let n = 0; n < 10; n++) area.add(message('error', failure));
  const kinds = area.outputs().map(({ output_type }) => output_type);
  assert.deepEqual(kinds, ['display_data', 'display_data', 'display_data', 'error', 'stream']);
});

test('a display that grows beyond the total is replaced by a note, and can become small again', () => {
  const area = new OutputArea(new NotebookOutputs({ ...limits, cell: 1000 }));
  const update = (text: string): string => {
    area.add(shown({ 'text/html': text }, 'one', 'update_display_data'));
    return said(area.outputs()[0]);
  };
  area.add(shown({ 'text/html': 'small' }, 'one'));
  assert.match(update('x'.repeat(1500)), /an update of 1,502 characters is left out: a cell keeps at most 1,000/);
  assert.equal(update('small again'), 'small again');
});
