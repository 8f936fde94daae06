import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
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

test('parts that are no objects, and a header without a type, are refused; a content that is too large is not read', () => {
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
