import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import {
  fillFromTorchvision,
  fromTorchvision,
  torchvisionTensors,
  toTorchvision,
} from 'sparsebook/models/torchvision.js';
import { compact } from 'sparsebook/compact/shrink/compact.js';
import { resnet18 } from 'sparsebook/models/resnet18.js';
import { resnet20 } from 'sparsebook/models/resnet20.js';
import { withGates } from 'sparsebook/sparsity/withGates.js';
import { decodeSafetensors, encodeSafetensors } from 'sparsebook/formats/safetensors.js';

await tf.setBackend('cpu');

const model = resnet18({ widthMultiplier: 0.05 });
const norm = (name: string): string[] =>
  ['weight', 'bias', 'running_mean', 'running_var'].map((key) => `${name}.${key}`);

/** The names of torchvision's tensors of the body, as in its files. */
const torchvision = ['conv1.weight', ...norm('bn1')];
for (const layer of [1, 2, 3, 4]) {
  for (const block of [0, 1]) {
    const at = `layer${layer}.${block}`;
    for (const part of [1, 2]) torchvision.push(`${at}.conv${part}.weight`, ...norm(`${at}.bn${part}`));
    if (layer > 1 && block === 0) torchvision.push(`${at}.downsample.0.weight`, ...norm(`${at}.downsample.1`));
  }
}

/** The tensors of a narrow network by torchvision's names, each with different numbers. */
function file(): Map<string, { shape: number[]; values: Float32Array }> {
  const shapes = new Map(model.weights.map((weight) => [weight.originalName, weight.shape as number[]]));
  const entries = torchvision.map((name, n) => {
    const ours = shapes.get(fromTorchvision(name)!)!;
    const shape = ours.length === 4 ? [ours[3], ours[2], ours[0], ours[1]] : ours;
    const values = Float32Array.from({ length: tf.util.sizeFromShape(shape) }, (_, i) => n + i / 1024);
    return [name, { shape, values }] as const;
  });
  return new Map(entries);
}

test("torchvision's names map one to one to the names of the body of our ResNet-18", () => {
  const ours = model.weights.map((w) => w.originalName);
  assert.deepEqual(
    torchvision.map(fromTorchvision).sort(),
    ours.filter((name) => !/^(hidden|logits)\//.test(name)).sort(),
  );
});

test('a name identifies its layer', () => {
  assert.equal(fromTorchvision('conv1.weight'), 'stem_conv/kernel');
  assert.equal(fromTorchvision('layer3.1.bn2.running_var'), 'stage3_block2_second_bn/movingVariance');
  assert.equal(fromTorchvision('layer2.0.downsample.1.bias'), 'stage2_block1_projection_bn/beta');
});

test('tensors that our network does not have are mapped to no name', () => {
  const strangers = [
    'fc.weight',
    'bn1.num_batches_tracked',
    'conv2.weight',
    'layer1.0.conv1.bias',
    'downsample.0.weight',
  ];
  for (const name of strangers) assert.equal(fromTorchvision(name), undefined, name);
});

test("a file with torchvision's names fills the body and leaves the head unchanged", () => {
  const tensors = file();
  tensors.set('fc.weight', { shape: [1], values: new Float32Array(1) });
  tensors.set('bn1.num_batches_tracked', { shape: [1], values: new Float32Array(1) });
  const head = model.getLayer('hidden').getWeights()[0].dataSync();
  const before = tf.memory().numTensors;
  fillFromTorchvision(model, decodeSafetensors(encodeSafetensors(tensors), 'small'), 'small');
  assert.equal(tf.memory().numTensors, before);
  const { shape, values } = tensors.get('layer2.0.conv1.weight')!;
  const ours = model.getLayer('stage2_block1_first_conv').getWeights()[0];
  assert.deepEqual(ours.transpose([3, 2, 0, 1]).dataSync(), values);
  assert.deepEqual(ours.shape, [shape[2], shape[3], shape[1], shape[0]]);
  const projection = model.getLayer('stage3_block1_projection_bn').getWeights();
  assert.deepEqual(projection[3].dataSync(), tensors.get('layer3.0.downsample.1.running_var')!.values);
  assert.deepEqual(model.getLayer('hidden').getWeights()[0].dataSync(), head);
});

test('missing, unknown and misshapen tensors are named, and nothing has been changed', () => {
  const before = model.getWeights().map((weight) => weight.dataSync());
  const refused = (change: (tensors: ReturnType<typeof file>) => void, message: RegExp): void => {
    const tensors = file();
    for (const { values } of tensors.values()) values.fill(-1);
    change(tensors);
    assert.throws(() => fillFromTorchvision(model, tensors, 'weights.safetensors'), { name: 'UserError', message });
  };
  refused(
    (t) => t.delete('bn1.weight'),
    /^weights\.safetensors does not .* it has conv1\.weight, .* and \d+ more, and no tensors for bn1\.weight\.$/,
  );
  refused((t) => t.clear(), /it is empty: no tensors for conv1\.weight, .* and 97 more\.$/);
  refused(
    (t) => t.set('layer5.0.conv1.weight', { shape: [1], values: new Float32Array(1) }),
    /it also has layer5\.0\.conv1\.weight\.$/,
  );
  refused(
    (t) => t.set('conv1.weight', { shape: [3, 3, 7, 6], values: new Float32Array(378) }),
    /its tensor conv1\.weight has the shape \[3, 3, 7, 6\], not \[3, 3, 7, 7\]\.$/,
  );
  model.getWeights().forEach((weight, i) => assert.deepEqual(weight.dataSync(), before[i]));
});

test('a prefix that a wrapper added to all names is removed, and a tensor that does not fit is named as in the file', () => {
  for (const prefix of ['module.', 'model.', 'module.model.', 'backbone.', '_orig_mod.module.']) {
    const tensors = new Map([...file()].map(([name, tensor]) => [prefix + name, tensor]));
    tensors.set(`${prefix}fc.weight`, { shape: [1], values: new Float32Array(1) });
    fillFromTorchvision(model, tensors, 'wrapped');
    const kernel = model.getLayer('stem_conv').getWeights()[0];
    assert.equal(kernel.dataSync()[0], tensors.get(`${prefix}conv1.weight`)!.values[0]);
  }
  const some = new Map([...file()].map(([name, tensor], i) => [i === 9 ? name : `module.${name}`, tensor]));
  assert.throws(() => fillFromTorchvision(model, some, 'x'), {
    name: 'UserError',
    message: /it has module\.conv1\.weight/,
  });
  const other = new Map([...file()].map(([name, tensor]) => [`theirs.${name}`, tensor]));
  assert.throws(() => fillFromTorchvision(model, other, 'x'), { message: /it has theirs\.conv1\.weight/ });
});

test('the body written with these names fills another network with the same bits', () => {
  for (const { originalName } of model.weights) {
    const theirs = toTorchvision(originalName);
    if (/^(hidden|logits)\//.test(originalName)) assert.equal(theirs, undefined);
    else assert.equal(fromTorchvision(theirs!), originalName);
  }
  const before = tf.memory().numTensors;
  const tensors = torchvisionTensors(model);
  assert.equal(tf.memory().numTensors, before);
  const other = resnet18({ widthMultiplier: 0.05, seed: 9 });
  fillFromTorchvision(other, decodeSafetensors(encodeSafetensors(tensors), 'written'), 'written');
  model.weights.forEach((weight, i) => {
    if (/^(hidden|logits)\//.test(weight.originalName)) return;
    assert.deepEqual(other.weights[i].read().dataSync(), weight.read().dataSync(), weight.originalName);
  });
});

test('gates keep their values, and a network for which torchvision lacks names is refused by name', () => {
  const gated = withGates(model, { seed: 1 });
  const gates = gated.weights.filter(({ originalName }) => originalName.endsWith('/logAlpha'));
  const before = gates.map((gate) => gate.read().dataSync());
  fillFromTorchvision(gated, file(), 'small');
  assert.deepEqual(
    gates.map((gate) => gate.read().dataSync()),
    before,
  );
  assert.deepEqual([...torchvisionTensors(gated).keys()].sort(), [...torchvision].sort());
  const folded = compact(model, new Map(), { foldBatchNorm: true }).model;
  const closed = new Map([
    [
      'stage2_block2_second_conv',
      new Float32Array(model.getLayer('stage2_block2_second_conv').outputShape.at(-1) as number),
    ],
  ]);
  const without = compact(model, closed, { absorb: false }).model;
  for (const [other, reason] of [
    [resnet20({ widthMultiplier: 0.1 }), /received resnet20, which has a weight stage1_block3_/],
    [folded, /received resnet18, which has a weight stem_conv\/bias/],
    [without, /received resnet18, which has no stage2_block2_first_conv\/kernel/],
  ] as const) {
    const message = new RegExp(`^The network must be a resnet18 .*${reason.source}`);
    assert.throws(() => torchvisionTensors(other), { name: 'UserError', message });
    assert.throws(() => fillFromTorchvision(other, file(), 'small'), { name: 'UserError', message });
  }
});
