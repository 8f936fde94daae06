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

test('on webgpu golden values are met', { skip }, async () => {
  const files = ['layers/l0Gate', 'layers/originalLayers', 'sparsity/ista', 'training/optimizers'].map(
    (name) => `test/${name}.golden.test.ts`,
  );
  passes(await testOnSwiftShader(files, { SPARSEBOOK_GOLDENS_BACKEND: 'webgpu' }), 66);
});
