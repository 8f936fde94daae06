import assert from 'node:assert/strict';
import { test } from 'node:test';
import { skipWithoutSwiftShader, testOnSwiftShader } from './swiftShader.ts';

const skip = skipWithoutSwiftShader;
/** All `tests` pass, but for those whose names hold one of the words of `failing`, of which each one fails. */
const passes = (output: string, tests: number, failing: readonly string[] = []): void => {
  assert.match(output, new RegExp(`^# pass ${tests - failing.length}$`, 'm'), output);
  assert.match(output, new RegExp(`^# fail ${failing.length}$`, 'm'), output);
  for (const word of failing) assert.match(output, new RegExp(`^ *not ok \\d+ - .*${word}`, 'm'), output);
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

for (const { name, file, tests, failing } of [
  { name: 'ResNet-18', file: 'models/resnet18', tests: 6 },
  { name: 'the networks of the ISTA project', file: 'models/istaNets', tests: 10 },
  // Without gates, in evaluation: 72 of 198 gradients are off by 0.2 to 2 % of the largest, from block 6 backwards.
  { name: 'GoogleNet, but for one case,', file: 'models/googleNet', tests: 13, failing: ['ungated_bn_eval'] },
]) {
  test(`on webgpu golden values of ${name} are met`, { skip: skipButInConformance }, async () => {
    passes(await goldens(file), tests, failing);
  });
}
