import assert from 'node:assert/strict';
import { test } from 'node:test';
import { skipWithoutSwiftShader, testOnSwiftShader } from './swiftShader.ts';

const skip = skipWithoutSwiftShader;
const passes = (output: string, tests: number): void => {
  assert.match(output, new RegExp(`^# pass ${tests}$`, 'm'), output);
  assert.match(output, /^# fail 0$/m, output);
};

test(
  'on webgpu networks learn what they learn elsewhere, and what the device refuses is thrown',
  { skip },
  async () => {
    passes(await testOnSwiftShader(['test/backend/webgpu/onDevice.ts']), 7);
  },
);

/** Golden tests that other backends meet in every run of the tests: on webgpu they are asked for by name. */
const goldens = [
  ...['layers/l0Gate', 'layers/originalLayers', 'sparsity/ista', 'training/optimizers'],
  ...['models/c3', 'sparsity/repr', 'sparsity/prune', 'compact/compaction'],
];

test(
  'on webgpu golden values are met',
  { skip: skip || (!process.env.SPARSEBOOK_CONFORMANCE && 'npm run test:conformance runs it') },
  async () => {
    const files = goldens.map((name) => `test/${name}.golden.test.ts`);
    passes(await testOnSwiftShader(files, { SPARSEBOOK_GOLDENS_BACKEND: 'webgpu' }), 109);
  },
);
