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
    passes(await testOnSwiftShader(['test/backend/webgpu/onDevice.ts'], { quick: false }), 8);
  },
);

/** Golden tests on the device: those of a file, or of these those whose names match. */
const goldens = (names: string[], matching = '.'): Promise<string> =>
  testOnSwiftShader([`--test-name-pattern=${matching}`, ...names.map((name) => `test/${name}.golden.test.ts`)], {
    env: { SPARSEBOOK_GOLDENS_BACKEND: 'webgpu' },
  });

test('on webgpu golden values of gates, original layers, ISTA and optimizers are met', { skip }, async () => {
  passes(await goldens(['layers/l0Gate', 'layers/originalLayers', 'sparsity/ista', 'training/optimizers']), 66);
});

test('on webgpu golden values of C3, RePr, pruning and compaction are met', { skip }, async () => {
  passes(await goldens(['models/c3', 'sparsity/repr', 'sparsity/prune', 'compact/compaction']), 43);
});

const conformance = process.env.SPARSEBOOK_CONFORMANCE !== undefined;

// The networks of most kinds of layers are trained here; what takes minutes (ResNet-18 and CNN-4, whose layers
// ResNet-20 and C3 have, and most networks with running statistics) is left to `npm run test:conformance`.
for (const { name, file, training, tests } of [
  { name: 'ResNet-18', file: 'models/resnet18', tests: 6 },
  { name: 'ResNet-20 and CNN-4', file: 'models/istaNets', training: ['resnet20, batch'], tests: 10 },
  {
    name: 'GoogleNet',
    file: 'models/googleNet',
    training: ['gated_noise_bn_train', 'ungated_bn_eval', 'gated_inference'],
    tests: 13,
  },
]) {
  if (training !== undefined && !conformance) {
    test(`on webgpu golden values of ${name} are met: ${training.join(', ')}`, { skip }, async () => {
      passes(await goldens([file], training.join('|')), training.length);
    });
  }

  const left = !conformance && 'npm run test:conformance runs it';
  test(`on webgpu all golden values of ${name} are met`, { skip: skip || left }, async () => {
    passes(await goldens([file]), tests);
  });
}
