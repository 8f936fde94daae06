import assert from 'node:assert/strict';
import { test } from 'node:test';
import { skipWithoutSwiftShader, testOnSwiftShader } from './swiftShader.ts';

const skip = skipWithoutSwiftShader;
const passes = (output: string, tests: number): void => {
  assert.match(output, new RegExp(`^# pass ${tests}$`, 'm'), output);
  assert.match(output, /^# fail 0$/m, output);
};

test('on webgpu networks learn what they learn elsewhere, and errors of the device are thrown', { skip }, async () => {
  passes(await testOnSwiftShader(['test/backend/webgpu/onDevice.ts'], { quick: false }), 8);
});

/** Golden tests that run on the device. */
const goldens = (...names: string[]): Promise<string> =>
  testOnSwiftShader(
    names.map((name) => `test/${name}.golden.test.ts`),
    { env: { SPARSEBOOK_GOLDENS_BACKEND: 'webgpu' } },
  );

for (const { name, files, tests } of [
  {
    name: 'gates, original layers, ISTA and optimizers',
    files: ['layers/l0Gate', 'layers/originalLayers', 'sparsity/ista', 'training/optimizers'],
    tests: 66,
  },
  {
    name: 'C3, RePr, pruning and compaction',
    files: ['models/c3', 'sparsity/repr', 'sparsity/prune', 'compact/compaction'],
    tests: 43,
  },
  { name: 'ResNet-18', files: ['models/resnet18'], tests: 6 },
  { name: 'ResNet-20 and CNN-4', files: ['models/istaNets'], tests: 10 },
  { name: 'GoogleNet', files: ['models/googleNet'], tests: 13 },
]) {
  test(`on webgpu golden values of ${name} are met`, { skip }, async () => {
    passes(await goldens(...files), tests);
  });
}
