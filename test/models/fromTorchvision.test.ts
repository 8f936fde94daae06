import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromTorchvision, resnet18 } from 'sparsebook/models';

const torchvision = (): string[] => {
  const norm = (name: string): string[] =>
    ['weight', 'bias', 'running_mean', 'running_var'].map((key) => `${name}.${key}`);
  const blocks = ['layer1', 'layer2', 'layer3', 'layer4'].flatMap((layer) => [`${layer}.0`, `${layer}.1`]);
  return [
    'conv1.weight',
    ...norm('bn1'),
    ...blocks.flatMap((block) => [
      ...['1', '2'].flatMap((i) => [`${block}.conv${i}.weight`, ...norm(`${block}.bn${i}`)]),
      ...(/[234]\.0/.test(block) ? [`${block}.downsample.0.weight`, ...norm(`${block}.downsample.1`)] : []),
    ]),
  ];
};

test("torchvision's names are the names of the body of our ResNet-18, one to one", () => {
  const ours = resnet18({ widthMultiplier: 0.02 }).weights.map((w) => w.originalName);
  assert.deepEqual(
    torchvision().map(fromTorchvision).sort(),
    ours.filter((name) => !/^(hidden|logits)\//.test(name)).sort(),
  );
});

test('a name says which layer it means', () => {
  assert.equal(fromTorchvision('conv1.weight'), 'stem_conv/kernel');
  assert.equal(fromTorchvision('layer3.1.bn2.running_var'), 'stage3_block2_second_bn/movingVariance');
  assert.equal(fromTorchvision('layer2.0.downsample.1.bias'), 'stage2_block1_projection_bn/beta');
});

test('what our network does not have, has no name', () => {
  const strangers = [
    'fc.weight',
    'bn1.num_batches_tracked',
    'conv2.weight',
    'layer1.0.conv1.bias',
    'downsample.0.weight',
  ];
  for (const name of strangers) assert.equal(fromTorchvision(name), undefined, name);
});
