// Activations that compute every channel from all channels, and unknown activations.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { compact } from 'sparsebook/compact/shrink/compact.js';
import { encodeOnnx } from 'sparsebook/compact/export/onnx.js';
import { assertClose } from '../goldens.ts';
import { runOnnx } from './export/onnxRuntime.ts';

await tf.setBackend('cpu');
const { layers: l } = tf;
const x = tf.randomNormal([4, 3], 0, 1, 'float32', 3);
type Name = 'softmax';

/** A dense layer with 4 channels, an activation, and dense layers that read only some of the channels. */
function network(activation: string, alone: boolean): tf.LayersModel {
  const input = tf.input({ shape: [3] });
  const first = l.dense({ name: 'a', units: 4, ...(alone ? {} : { activation: activation as Name }) }).apply(input);
  const mixed = alone ? l.activation({ name: 'act', activation: activation as Name }).apply(first) : first;
  const b = l.dense({ name: 'b', units: 3, activation: 'relu' });
  const model = tf.model({
    inputs: input,
    outputs: l.dense({ name: 'c', units: 2 }).apply(b.apply(mixed)) as tf.SymbolicTensor,
  });
  // b reads only channels 0 and 1, and its third channel reads none.
  const kernel = tf.tensor2d([1, 2, 0, -1, 1, 0, 0, 0, 0, 0, 0, 0], [4, 3]);
  b.setWeights([kernel, tf.tensor1d([0.1, 0.2, 0.3])]);
  return model;
}

for (const activation of ['softmax', 'logSoftmax']) {
  for (const alone of [false, true]) {
    test(`all channels of a ${activation} ${alone ? 'layer' : 'at the end of a layer'} stay, read or not`, async () => {
      const model = network(activation, alone);
      const kernel = model.getLayer('a').weights[0];
      // Channel 1 has a filter of zeros, but still depends on the image through the other channels.
      tf.tidy(() => void kernel.write(kernel.read().mul(tf.tensor1d([1, 0, 1, 1]))));
      const small = compact(model);
      assert.deepEqual(
        small.widths.map(({ after }) => after),
        [4, 2, 2],
      );
      const wanted = (model.predict(x) as tf.Tensor).dataSync();
      assertClose((small.model.predict(x) as tf.Tensor).dataSync(), wanted, { absolute: 1e-5 }, 'the same');
      for (const each of [model, small.model]) {
        assertClose((await runOnnx(encodeOnnx(each), x)).values, wanted, { absolute: 1e-5 }, 'as ONNX');
      }
      const masked = compact(model, new Map([['a', Float32Array.of(1, 1, 0, 1)]]));
      assert.equal(masked.widths[0].after, 4);
      assert.ok((await masked.report({ batchSizes: [], images: x })).difference.absolute < 1e-5);
    });
  }
}

test('a softmax layer and norms over channels are kept whole or refused by name', () => {
  const end = (layer: tf.layers.Layer): tf.LayersModel =>
    tf.sequential({
      layers: [l.dense({ name: 'a', units: 4, inputShape: [3] }), layer, l.dense({ name: 'b', units: 1 })],
    });
  const mask = new Map([['a', Float32Array.of(1, 0, 1, 1)]]);
  assert.equal(compact(end(l.softmax({ name: 's' })), mask).widths[0].after, 4);
  assert.equal(compact(end(l.layerNormalization({ name: 'n' })), mask).widths[0].after, 4);
  const image = l.conv2d({ filters: 4, kernelSize: 1, inputShape: [3, 3, 1] });
  const scale = [1, 2, 3, 4] as unknown as number; // as in Keras, one value per channel
  const refused: [tf.layers.Layer[], RegExp][] = [
    [
      [image, l.layerNormalization({ name: 'n', axis: [1, 2, 3] })],
      /The layer n \(LayerNormalization\) must have its /,
    ],
    [[image, l.rescaling({ name: 's', scale })], /The layer s \(Rescaling\) must scale and shift all channels alike/],
    [[l.dense({ units: 4, inputShape: [3] }), l.repeatVector({ name: 'r', n: 2 })], /The layer r \(RepeatVector\)/],
  ];
  for (const [layers, message] of refused) {
    assert.throws(() => compact(tf.sequential({ layers }), new Map()), { name: 'UserError', message });
  }
});

test('an unknown activation is refused by name', () => {
  class Scaled extends tf.serialization.Serializable {
    static className = 'scaledByAll';
    getConfig(): tf.serialization.ConfigDict {
      return {};
    }
    apply(t: tf.Tensor): tf.Tensor {
      return t.div(t.sum(-1, true));
    }
  }
  const layer = l.dense({ name: 'a', units: 4, inputShape: [3] });
  Object.assign(layer, { activation: new Scaled() });
  const model = tf.sequential({ layers: [layer, l.dense({ units: 1 })] });
  assert.throws(() => compact(model), { name: 'UserError', message: /The layer a \(Dense\) ends with scaledByAll/ });
});

test('elementwise activations of tf.layers are cut like relu', () => {
  for (const activation of [
    'elu',
    'relu6',
    'selu',
    'sigmoid',
    'softplus',
    'softsign',
    'tanh',
    'swish',
    'mish',
    'hardSigmoid',
  ]) {
    const model = network(activation, false);
    const { widths, model: small } = compact(model, new Map([['a', Float32Array.of(1, 0, 1, 1)]]));
    assert.equal(widths[0].after, 1, activation);
    assert.equal(small.outputs.length, 1);
  }
});
