import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Message } from 'sparsebook/notebook/kernel';
import { NotebookOutputs, OutputArea } from 'sparsebook/notebook/run/outputArea.js';

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

test('a progress line is saved as its last state, also across messages', () => {
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

test('an update without a display is passed over', () => {
  assert.deepEqual(folded(display('new', 'x', 'update_display_data')), []);
});

test('clear_output empties the cell at once, or with wait when something takes its place', () => {
  const clear = (wait: boolean): Message => message('clear_output', { wait });
  assert.deepEqual(folded(stream('stdout', 'a'), clear(false)), []);
  assert.deepEqual(folded(stream('stdout', 'a'), clear(true)), [streamed('stdout', 'a')]);
  assert.deepEqual(folded(stream('stdout', 'a'), clear(true), display('b'), display('c')), [
    displayed('b'),
    displayed('c'),
  ]);
});

test('text is kept as lines, base64 and JSON as they are', () => {
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

test('messages that are no outputs change nothing', () => {
  assert.deepEqual(folded(message('status', { execution_state: 'busy' }), message('execute_input', { code: '' })), []);
});
