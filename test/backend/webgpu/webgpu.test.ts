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
    passes(await testOnSwiftShader(['test/backend/webgpu/onDevice.ts']), 8);
  },
);

const goldens = (...names: string[]): Promise<string> =>
  testOnSwiftShader(
    names.map((name) => `test/${name}.golden.test.ts`),
    { SPARSEBOOK_GOLDENS_BACKEND: 'webgpu' },
  );

test('on webgpu golden values are met', { skip }, async () => {
  passes(await goldens('layers/l0Gate', 'layers/originalLayers', 'sparsity/ista', 'training/optimizers'), 66);
});

const skipButInConformance = skip || (!process.env.SPARSEBOOK_CONFORMANCE && 'npm run test:conformance runs it');

test(
  'on webgpu golden values of C3, RePr, pruning and compaction are met',
  { skip: skipButInConformance },
  async () => {
    passes(await goldens('models/c3', 'sparsity/repr', 'sparsity/prune', 'compact/compaction'), 43);
  },
);

/** Of GoogleNet without gates in evaluation, 72 of 198 gradients are off by more than 2e-3, none by more than 2e-2. */
const turned = 'rounding turns a ReLU of block 6 and, on the way back, the gradients of all layers before it';
for (const { name, file, tests, todo } of [
  { name: 'ResNet-18', file: 'models/resnet18', tests: 6 },
  { name: 'the networks of the ISTA project', file: 'models/istaNets', tests: 10 },
  { name: 'GoogleNet', file: 'models/googleNet', tests: 13, todo: turned },
]) {
  test(`on webgpu golden values of ${name} are met`, { skip: skipButInConformance, todo }, async () => {
    passes(await goldens(file), tests);
  });
}
