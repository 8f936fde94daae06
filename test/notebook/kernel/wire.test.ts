import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Message, checkedMessage, decodeMessage, encodeMessage } from 'sparsebook/notebook/kernel/wire.js';
import { OutputArea } from 'sparsebook/notebook/run/outputArea.js';
import { schemaErrors } from '../run/nbformat.ts';

const sample: Message = {
  header: { msg_id: '1', session: 's', username: 'u', date: '2024-01-01', msg_type: 'status', version: '5.3' },
  parent_header: {},
  metadata: {},
  content: { text: 'ä\n' },
};
const frames = (key: string): Buffer[] => encodeMessage(key, sample, [Buffer.from('who')]).map((f) => Buffer.from(f));

test('a message survives the wire with its routing prefix', () => {
  assert.deepEqual(decodeMessage('key', frames('key')), { identities: [Buffer.from('who')], message: sample });
});

test('a message with another key, a changed part or no delimiter is refused', () => {
  assert.throws(() => decodeMessage('key', frames('other')), /not signed with the key/);
  const changed = frames('key');
  changed[6] = Buffer.from('{}');
  assert.throws(() => decodeMessage('key', changed), /not signed with the key/);
  assert.throws(() => decodeMessage('key', frames('key').slice(2)), /lacks its delimiter/);
});

test('parts that are not objects, and a header without a type, are refused; content that is too large is not read', () => {
  const signed = (...parts: string[]): Buffer[] => {
    const hmac = createHmac('sha256', 'key');
    for (const part of parts) hmac.update(part);
    return ['<IDS|MSG>', hmac.digest('hex'), ...parts].map((frame) => Buffer.from(frame));
  };
  const header = '{"msg_type":"status"}';
  for (const part of ['null', '[]', '5', '"text"', '']) {
    assert.throws(() => decodeMessage('key', signed(header, '{}', '{}', part)));
    assert.throws(() => decodeMessage('key', signed(part, '{}', '{}', '{}')));
  }
  assert.throws(() => decodeMessage('key', signed('{"msg_type":5}', '{}', '{}', '{}')), /does not say its type/);
  const large = signed(header, '{}', '{}', '{"text":"0123456789"}');
  assert.deepEqual(decodeMessage('key', large, 20).message.content, { left_out: 21 });
});

const message = (msg_type: string, content: Record<string, unknown>): Message => ({
  header: { msg_id: '', session: '', username: '', date: '', version: '5.3', msg_type },
  parent_header: {},
  metadata: {},
  content,
});
const checked = (type: string, content: Record<string, unknown>): Record<string, unknown> =>
  checkedMessage(message(type, content)).content;

const cases: [string, Record<string, unknown>, Record<string, unknown>][] = [
  ['stream', { name: 5, text: { a: 1 } }, { name: 'stdout', text: '{"a":1}' }],
  ['stream', { name: 'stderr', text: ['a', 'b'] }, { name: 'stderr', text: 'ab' }],
  ['error', { evalue: { a: 1 }, traceback: 'line' }, { ename: '', evalue: '{"a":1}', traceback: ['line'] }],
  ['error', { ename: 5, evalue: null, traceback: [1, ['x']] }, { ename: '5', evalue: '', traceback: ['1', 'x'] }],
  ['display_data', { data: 5, transient: 'x' }, { data: {}, metadata: {}, transient: {} }],
  [
    'display_data',
    {
      data: { 'text/html': 5, 'application/json': 5, 'image/png': 'aGk=' },
      metadata: [],
      transient: { display_id: 7 },
    },
    { data: { 'text/html': '5', 'application/json': 5, 'image/png': 'aGk=' }, metadata: {}, transient: {} },
  ],
  ['execute_input', { code: 1, execution_count: '3' }, { code: '1', execution_count: null }],
  ['status', { execution_state: ['idle'] }, { execution_state: 'idle' }],
  ['kernel_info_reply', { language_info: { name: 5 } }, { language_info: undefined }],
];

test('messages of a kernel are converted to the types of the protocol', () => {
  for (const [type, content, right] of cases) assert.deepEqual(checked(type, content), right);
});

test('a message that was too large to be read leaves a note', () => {
  const { data } = checked('display_data', { left_out: 70_000_000 });
  assert.match(String((data as Record<string, unknown>)['text/plain']), /an output of 70,000,000 bytes is left out/);
  assert.match(String(checked('stream', { left_out: 70_000_000 }).text), /70,000,000 bytes/);
  assert.match(String(checked('error', { left_out: 70_000_000 }).evalue), /70,000,000 bytes/);
});

test('whatever a message contains, its output can be saved, and nothing throws', () => {
  const types = [
    'stream',
    'display_data',
    'update_display_data',
    'execute_result',
    'error',
    'clear_output',
    '__proto__',
  ];
  const keys = [
    'name',
    'text',
    'data',
    'metadata',
    'transient',
    'ename',
    'evalue',
    'traceback',
    'execution_count',
    'wait',
  ];
  const value = fc.oneof(
    fc.jsonValue(),
    fc.dictionary(fc.constantFrom('text/plain', 'image/png', 'display_id'), fc.jsonValue()),
  );
  const messages = fc.array(
    fc.tuple(fc.constantFrom(...types), fc.dictionary(fc.constantFrom(...keys), value as fc.Arbitrary<unknown>)),
  );
  fc.assert(
    fc.property(messages, (sent) => {
      const area = new OutputArea();
      for (const [type, content] of sent) area.add(checkedMessage(message(type, content)));
      const cell = {
        cell_type: 'code',
        id: 'c',
        metadata: {},
        source: '',
        execution_count: null,
        outputs: area.outputs(),
      };
      const notebook = { nbformat: 4, nbformat_minor: 5, metadata: {}, cells: [cell] };
      const errors = schemaErrors(JSON.parse(JSON.stringify(notebook)));
      assert.deepEqual(errors, []);
    }),
    { numRuns: 100 },
  );
});
