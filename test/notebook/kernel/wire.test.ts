import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Message } from 'sparsebook/notebook/kernel';
import { decodeMessage, encodeMessage } from 'sparsebook/notebook/kernel/wire.js';

const message: Message = {
  header: { msg_id: '1', session: 's', username: 'u', date: '2024-01-01', msg_type: 'status', version: '5.3' },
  parent_header: {},
  metadata: {},
  content: { text: 'ä\n' },
};
const frames = (key: string): Buffer[] => encodeMessage(key, message, [Buffer.from('who')]).map((f) => Buffer.from(f));

test('a message survives the wire with its routing prefix', () => {
  assert.deepEqual(decodeMessage('key', frames('key')), { identities: [Buffer.from('who')], message });
});

test('a message with another key, a changed part or no delimiter is refused', () => {
  assert.throws(() => decodeMessage('key', frames('other')), /not signed with the key/);
  const changed = frames('key');
  changed[6] = Buffer.from('{}');
  assert.throws(() => decodeMessage('key', changed), /not signed with the key/);
  assert.throws(() => decodeMessage('key', frames('key').slice(2)), /lacks its delimiter/);
});
