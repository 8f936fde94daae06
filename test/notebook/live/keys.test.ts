import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyReader, shortcuts, type Key, type Mode } from 'sparsebook/notebook/live/keys.js';

const press = (key: string, held: Partial<Key> = {}): Key => ({
  key,
  ctrlKey: false,
  metaKey: false,
  shiftKey: false,
  altKey: false,
  ...held,
});

function read(keys: (string | Key)[], mode: Mode = 'command', gap = 100): unknown[] {
  const reader = new KeyReader();
  return keys.map((key, index) => reader.read(typeof key === 'string' ? press(key) : key, mode, index * gap));
}

test('two presses of a key are one action, if they come soon after one another', () => {
  assert.deepEqual(read(['d', 'd', 'd']), ['wait', 'remove', 'wait']);
  assert.deepEqual(read(['i', 'i']), ['wait', 'interrupt']);
  assert.deepEqual(read(['0', '0']), ['wait', 'restart']);
  assert.deepEqual(read(['d', 'j', 'd']), ['wait', 'selectBelow', 'wait']);
  assert.deepEqual(read(['d', 'd'], 'command', 2000), ['wait', 'wait']);
});

test('in an editor letters are letters; running, saving and leaving work in both modes', () => {
  assert.deepEqual(read(['a', 'd', 'd', 'Enter', 'Escape'], 'edit'), [
    undefined,
    undefined,
    undefined,
    undefined,
    'leave',
  ]);
  for (const mode of ['edit', 'command'] as const) {
    const keys = [press('Enter', { shiftKey: true }), press('Enter', { ctrlKey: true }), press('s', { metaKey: true })];
    assert.deepEqual(read(keys, mode), ['runAndAdvance', 'run', 'save']);
  }
  assert.deepEqual(read([press('c', { ctrlKey: true }), press('a', { ctrlKey: true }), 'F5']), [
    undefined,
    undefined,
    undefined,
  ]);
});

test('no key means two things in one mode', () => {
  for (const mode of ['command', 'edit'] as const) {
    const keys = shortcuts.filter((one) => (one.mode ?? mode) === mode).map((one) => one.keys);
    assert.equal(new Set(keys).size, keys.length);
  }
});
