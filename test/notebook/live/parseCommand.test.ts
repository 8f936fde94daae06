import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseCommand } from 'sparsebook/notebook/live/commands.js';

test('a command is taken with its own fields and nothing else', () => {
  assert.deepEqual(parseCommand({ do: 'edit', id: 'a-1', source: 'x', more: 1 }), {
    do: 'edit',
    id: 'a-1',
    source: 'x',
  });
  assert.deepEqual(parseCommand({ do: 'run', ids: ['a', 'b'] }), { do: 'run', ids: ['a', 'b'] });
  assert.deepEqual(parseCommand({ do: 'save' }), { do: 'save' });
});

test('a command that is none is refused with the field at fault', () => {
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

test('anything at all is either a command or refused by a UserError', () => {
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
