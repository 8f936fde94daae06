import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { dataFolder } from 'sparsebook/data/dataFolder.js';

test('the data folder is the one that SPARSEBOOK_DATA names, or the default one', () => {
  delete process.env.SPARSEBOOK_DATA;
  const usual = dataFolder();
  process.env.SPARSEBOOK_DATA = '';
  assert.equal(dataFolder(), usual);
  process.env.SPARSEBOOK_DATA = 'elsewhere';
  assert.equal(dataFolder(), resolve('elsewhere'));
});
