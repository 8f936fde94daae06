// Properties that hold for every network; GoogleNet's gates have their own tests.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { UserError } from 'sparsebook/errors.js';
import { BatchNorm } from 'sparsebook/layers/batchNorm.js';
import { airbench } from 'sparsebook/models/airbench.js';
import { c3 } from 'sparsebook/models/c3.js';
import { cnn4 } from 'sparsebook/models/cnn4.js';
import { googleNet } from 'sparsebook/models/googleNet.js';
import { mobileNetV2 } from 'sparsebook/models/mobileNetV2.js';
import { resnet18 } from 'sparsebook/models/resnet18.js';
import { resnet20 } from 'sparsebook/models/resnet20.js';
import type { NetworkOptions } from 'sparsebook/models/networkOptions.js';
import { assertClose } from '../goldens.ts';
import { reload } from '../reload.ts';
import { forwardPass } from './goldenNetworks.ts';

await useBackend({ backend: 'simd' });
const images = tf.randomUniform([2, 32, 32, 3], -1, 1, 'float32', 3);
const logits = (model: tf.LayersModel): Float32Array =>
  tf.tidy(() => (model.predict(images) as tf.Tensor).dataSync<'float32'>());

const small = { widthMultiplier: 0.125, seed: 5 };
const networks: Record<string, (options?: NetworkOptions) => tf.LayersModel> = {
  resnet20,
  cnn4,
  c3,
  resnet18,
  mobileNetV2,
  airbench,
};

for (const [name, network] of Object.entries(networks)) {
  test(`${name}: a saved network loads again with every option and weight`, async () => {
    const model = network({ ...small, classes: 4 });
    tf.dispose(model.apply(images, { training: true }) as tf.Tensor);
    const loaded = await reload(model);
    const configs = (m: tf.LayersModel): string[] =>
      m.layers.map((layer) => JSON.stringify([layer.getClassName(), layer.getConfig()]));
    assert.deepEqual(configs(loaded), configs(model));
    assert.equal(loaded.name, name);
    assert.deepEqual(loaded.outputs[0].shape, [null, 4]);
    assert.deepEqual(logits(loaded), logits(model));
  });

  test(`${name}: the same seed gives the same network, another seed another network`, () => {
    const { seed: _, ...options } = small;
    assert.deepEqual(logits(network({ ...options, seed: 1 })), logits(network({ ...options, seed: 1 })));
    assert.notDeepEqual(logits(network({ ...options, seed: 1 })), logits(network({ ...options, seed: 2 })));
  });

  test(`${name}: a step of training leaves no tensor behind`, () => {
    const model = network(small);
    const step = (): void => {
      const { logits, crossEntropy, loss, gradients } = forwardPass(model, images, [3, 7]);
      tf.dispose([logits, crossEntropy, loss, ...gradients.values(), model.predict(images)]);
    };
    step();
    const before = tf.memory().numTensors;
    for (let i = 0; i < 3; i++) step();
    assert.equal(tf.memory().numTensors, before);
  });

  test(`${name}: a layer keeps at least one channel`, () => {
    const widths = network({ widthMultiplier: 0.001 }).layers.filter(
      // The number of directions of patches does not depend on the width.
      ({ name }) => name.endsWith('_conv') && name !== 'whitening_conv',
    );
    assert.ok(widths.every((layer) => (layer.outputShape as number[]).at(-1) === 1));
  });

  test(`${name}: options out of range are refused in a sentence`, () => {
    const refused = (options: NetworkOptions, message: RegExp): void =>
      assert.throws(
        () => network(options),
        (e) => e instanceof UserError && message.test(e.message),
      );
    refused({ widthMultiplier: -1 }, /widthMultiplier must be a number above 0; received -1/);
    refused({ widthMultiplier: NaN }, /widthMultiplier must be a number above 0; received NaN/);
    refused({ classes: 0 }, /classes must be a whole number of at least 1; received 0/);
    refused({ inputShape: [32, 32] }, /inputShape must be \[height, width, channels\], .* received \[32,32\]/);
    refused({ inputShape: [32, 0, 3] }, /received \[32,0,3\]/);
  });
}

for (const [name, network] of Object.entries({ ...networks, googleNet })) {
  test(`${name}: takes images of any shape it is built for, and gives as many logits as there are classes`, () => {
    for (const [inputShape, classes] of [
      [[28, 28, 1], 3],
      [[64, 48, 3], 100],
      [[40, 33, 5], 2],
    ] as const) {
      const model = network({ ...small, inputShape, classes });
      const x = tf.randomUniform([2, ...inputShape], -1, 1, 'float32', 3);
      const { logits, gradients } = forwardPass(model, x, [1, 0]);
      assert.deepEqual(logits.shape, [2, classes]);
      assert.ok([...gradients.values()].every((gradient) => gradient.dataSync().every(Number.isFinite)));
      tf.dispose([x, logits, ...gradients.values()]);
    }
  });
}

test('cnn4 refuses images that are too small for its last kernel after three halvings, and takes the next larger ones', () => {
  assert.throws(() => cnn4({ ...small, inputShape: [64, 24, 3] }), {
    name: 'UserError',
    message: /inputShape must be at least 25x25 pixels for cnn4; received 64x24x3/,
  });
  assert.deepEqual(cnn4({ ...small, inputShape: [25, 25, 1] }).outputs[0].shape, [null, 10]);
});

test("airbench's first convolution keeps the given kernel, and the others start as the identity", () => {
  const whitening = Float32Array.from({ length: 2 * 2 * 3 * 24 }, (_, i) => i / 100);
  const model = airbench({ ...small, whitening });
  assert.equal(model.getLayer('whitening_conv').trainableWeights.length, 0);
  assert.deepEqual(model.getLayer('whitening_conv').getWeights()[0].dataSync<'float32'>(), whitening);
  const second = model.getLayer('block2_second_conv').getWeights()[0];
  const channels = tf.randomUniform([2, 8, 8, 32], -1, 1, 'float32', 3);
  const passedOn = tf.tidy(() => tf.conv2d(channels as tf.Tensor4D, second as tf.Tensor4D, 1, 'same').dataSync());
  assertClose(passedOn, channels.dataSync(), { absolute: 1e-5 }, 'what a convolution passes on');
  assert.throws(() => airbench({ ...small, whitening: whitening.slice(1) }), {
    name: 'UserError',
    message: /whitening must have 288 values, for \[2, 2, 3, 24\]; received 287/,
  });
});

test('every other network takes images of a few pixels', () => {
  for (const network of [googleNet, resnet20, resnet18, mobileNetV2, c3]) {
    assert.deepEqual(network({ ...small, inputShape: [3, 2, 1] }).outputs[0].shape, [null, 10]);
  }
});

test("the ISTA project's networks take their batch norm's momentum as an option", () => {
  for (const network of [resnet20, cnn4]) {
    const momenta = (momentum?: number): number[] =>
      network({ ...small, momentum }).layers.flatMap((layer) => (layer instanceof BatchNorm ? [layer.momentum] : []));
    assert.deepEqual(new Set(momenta()), new Set([0.1]));
    assert.deepEqual(new Set(momenta(1e-3)), new Set([1e-3]));
  }
});

test("a dense layer's kernel and bias are initialised like PyTorch's, uniform within 1 / sqrt(inputs)", () => {
  for (const [network, layer] of [
    [c3(), 'logits'],
    [googleNet(), 'logits'],
    [resnet18({ widthMultiplier: 0.125 }), 'hidden'],
  ] as const) {
    const [kernel, bias] = network.getLayer(layer).getWeights();
    const bound = 1 / Math.sqrt(kernel.shape[0]);
    for (const weight of [kernel, bias]) {
      const [most, mean] = tf.tidy(() => [weight.abs().max().dataSync()[0], weight.mean().dataSync()[0]]);
      assert.ok(most <= bound && most > 0.6 * bound, `${network.name}: ${most} of ${bound}`);
      assert.ok(Math.abs(mean) < 0.6 * bound, `${network.name}: mean ${mean} of ${bound}`);
    }
  }
});
