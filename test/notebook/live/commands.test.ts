import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseCommand } from 'sparsebook/notebook/live/commands.js';
import { type Key, KeyReader, type Mode, shortcuts } from 'sparsebook/notebook/live/keys.js';

test('a command is accepted with its own fields and nothing else', () => {
  assert.deepEqual(parseCommand({ do: 'edit', id: 'a-1', source: 'x', more: 1 }), {
    do: 'edit',
    id: 'a-1',
    source: 'x',
  });
  assert.deepEqual(parseCommand({ do: 'run', ids: ['a', 'b'] }), { do: 'run', ids: ['a', 'b'] });
  assert.deepEqual(parseCommand({ do: 'save' }), { do: 'save' });
});

test('an invalid command is refused, naming the field at fault', () => {
  for (const [value, said] of [
    [null, /must be a JSON object/],
    [{}, /there is no command undefined/],
    [{ do: 'erase' }, /there is no command "erase"/],
    [{ do: 'constructor' }, /there is no command/],
    [{ do: 'edit', id: '../x', source: '' }, /'id' must be a cell's id; received "..\/x"/],
    [{ do: 'edit', id: 'a', source: 5 }, /'source' must be text; received 5/],
    [{ do: 'run', ids: 'a' }, /'ids' must be a list/],
    [{ do: 'insert', id: 'a', index: -1, type: 'code' }, /'index' must be a whole number/],
    [{ do: 'type', id: 'a', type: 'html' }, /'type' must be one of code, markdown, raw/],
    [{ do: 'resolve', with: 'force' }, /'with' must be one of mine, theirs, copy/],
  ] as const) {
    assert.throws(() => parseCommand(value), said);
  }
});

test('any value is either a command or refused by a UserError', () => {
  fc.assert(
    fc.property(fc.anything(), fc.constantFrom('edit', 'run', 'insert', 'set', 'complete'), (fields, what) => {
      for (const value of [fields, { ...Object(fields), do: what }]) {
        try {
          parseCommand(value);
        } catch (error) {
          assert.equal((error as Error).name, 'UserError');
        }
      }
    }),
  );
});

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

test('two presses of a key are one action if they follow each other quickly', () => {
  assert.deepEqual(read(['d', 'd', 'd']), ['wait', 'remove', 'wait']);
  assert.deepEqual(read(['i', 'i']), ['wait', 'interrupt']);
  assert.deepEqual(read(['0', '0']), ['wait', 'restart']);
  assert.deepEqual(read(['d', 'j', 'd']), ['wait', 'selectBelow', 'wait']);
  assert.deepEqual(read(['d', 'd'], 'command', 2000), ['wait', 'wait']);
});

test('in an editor letters are letters; run, save and leave work in both modes', () => {
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

test('no key has two meanings in one mode', () => {
  for (const mode of ['command', 'edit'] as const) {
    const keys = shortcuts.filter((one) => (one.mode ?? mode) === mode).map((one) => one.keys);
    assert.equal(new Set(keys).size, keys.length);
  }
});
