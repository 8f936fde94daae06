import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readRecord } from 'sparsebook/experiments/run/record.js';
import { temporaryFolder } from '../../training/checkpoint/sample.ts';

const scores = { accuracy: 0.5, images: 10 };
const size = { dense: 100, left: 80 };
const record = {
  ...{ format: 'sparsebook record', version: 1, run: 'a', experiment: 'experiment', network: 'c3', methods: ['l0'] },
  ...{ seed: 1, settings: {}, data: { name: 'none', hash: '' }, selected: {}, validation: scores, test: scores },
  ...{
    sparsity: { complete: 0.2 },
    parameters: size,
    multiply_adds: size,
    epochs: 1,
    steps: 10,
    machine: '',
    date: '',
  },
};

const faults: [string, object, RegExp][] = [
  ['a record of another version', { ...record, version: 2 }, /version must be 1; received 2\./],
  ['no object', [], /format must be one of sparsebook record; received undefined\./],
  ['a text in place of a number', { ...record, epochs: '1' }, /epochs must be a number; received "1"\./],
  [
    'a number in place of an object',
    { ...record, test: 0.5 },
    /test\.accuracy must be a number .* at most 1; received undefined\./,
  ],
  [
    'percent in place of a share',
    { ...record, test: { accuracy: 50, images: 1 } },
    /test\.accuracy must be .* 1; received 50\./,
  ],
  ['methods that are no list', { ...record, methods: 'l0' }, /methods must be a list, each a text; received "l0"\./],
  ['half a size', { ...record, parameters: { dense: 1 } }, /parameters\.left must be a number; received undefined\./],
];

test('a record is read as it was written, and a record without a required number is refused, naming the number', async (t) => {
  const dir = temporaryFolder(t);
  const write = (value: unknown): void => writeFileSync(join(dir, 'record.json'), JSON.stringify(value));
  assert.equal(await readRecord(dir), undefined);
  write({ ...record, more: 1 });
  assert.deepEqual(await readRecord(dir), { ...record, more: 1 });
  for (const name of Object.keys(record)) {
    write({ ...record, [name]: undefined });
    await assert.rejects(
      readRecord(dir),
      new RegExp(`is not a record of version 1: ${name}\\b.* received undefined`),
      name,
    );
  }
  for (const [what, value, message] of faults) {
    write(value);
    await assert.rejects(readRecord(dir), message, what);
  }
});
