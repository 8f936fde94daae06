// Networks as Keras 2 and Keras 3 write them: TensorFlow.js alone refuses them or computes something else.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { loadTfjs } from 'sparsebook/compact/export/tfjs.js';
import { assertSame, outputsOf, someInputs } from './outputs.ts';

await useBackend({ backend: 'simd', threads: 1 });
const folder = mkdtempSync(join(tmpdir(), 'sparsebook-keras-'));
after(() => rmSync(folder, { recursive: true }));

type Json = Record<string, unknown>;
const layer = (class_name: string, name: string, config: Json = {}): Json => ({
  class_name,
  config: { name, trainable: true, dtype: 'float32', ...config },
});
const conv = { kernel_size: [3, 3], strides: [1, 1], padding: 'same', data_format: 'channels_last', use_bias: true };
const l2 = { class_name: 'L2', config: { l2: 0.01 } };

/** Saves a Keras structure with a network's weights, whose names are prefixed with `before`. */
function save(topology: Json, like: tf.LayersModel, before = ''): string {
  const weights = like.weights.map(({ originalName, shape }) => ({
    name: before + originalName,
    shape,
    dtype: 'float32',
  }));
  const values = like.getWeights().map((weight) => Buffer.from(weight.dataSync<'float32'>().slice().buffer));
  writeFileSync(join(folder, 'group1-shard1of1.bin'), Buffer.concat(values));
  const weightsManifest = [{ paths: ['group1-shard1of1.bin'], weights }];
  const json = { format: 'layers-model', generatedBy: 'keras', modelTopology: topology, weightsManifest };
  writeFileSync(join(folder, 'model.json'), JSON.stringify(json));
  return folder;
}

const { layers: l } = tf;
const random = tf.initializers.randomNormal({ stddev: 0.5, seed: 3 });

test('a Sequential of Keras 2 with L2 penalties, as tensorflowjs_converter writes it', async () => {
  const like = tf.sequential({
    layers: [
      l.rescaling({ scale: 1 / 2, offset: -1, inputShape: [8, 8, 3] }),
      l.conv2d({ name: 'conv2d', filters: 4, kernelSize: 3, padding: 'same', activation: 'relu', ...initial() }),
      l.globalAveragePooling2d({}),
      l.dense({ name: 'dense', units: 3, activation: 'softmax', ...initial() }),
    ],
  });
  const layers = [
    { class_name: 'InputLayer', config: { batch_input_shape: [null, 8, 8, 3], dtype: 'float32', name: 'input_1' } },
    layer('Rescaling', 'rescaling', { scale: 0.5, offset: -1 }),
    layer('Conv2D', 'conv2d', { ...conv, filters: 4, groups: 1, activation: 'relu', kernel_regularizer: l2 }),
    layer('GlobalAveragePooling2D', 'pool', { data_format: 'channels_last', keepdims: false }),
    layer('Dense', 'dense', { units: 3, activation: 'softmax', use_bias: true, kernel_regularizer: l2 }),
  ];
  const model_config = { class_name: 'Sequential', config: { name: 'sequential', layers } };
  const path = save({ keras_version: '2.13.1', backend: 'tensorflow', model_config }, like);
  const model = await loadTfjs(path);
  const x = someInputs(model);
  assertSame(outputsOf(model, x), outputsOf(like, x), 'Keras 2');
  const squares = like
    .getWeights()
    .filter(({ rank }) => rank > 1)
    .map((kernel) => 0.01 * kernel.square().sum().dataSync()[0]);
  const losses = model.calculateLosses().map((loss) => loss.dataSync()[0]);
  losses.forEach((loss, i) => assert.ok(Math.abs(loss - squares[i]) < 1e-5, `${loss} instead of ${squares[i]}`));
  assert.equal(losses.length, 2);
});

function initial(): { kernelInitializer: typeof random; biasInitializer: typeof random } {
  return { kernelInitializer: random, biasInitializer: random };
}

test('a Functional of Keras 3 with branches, whose weights are prefixed with the name of the network', async () => {
  const input = tf.input({ shape: [8, 8, 3] });
  const apply = (at: tf.layers.Layer, ...x: tf.SymbolicTensor[]): tf.SymbolicTensor =>
    at.apply(x.length === 1 ? x[0] : x) as tf.SymbolicTensor;
  const wide = (name: string, activation?: 'swish'): tf.layers.Layer =>
    l.conv2d({ name, filters: 4, kernelSize: 3, padding: 'same', activation, ...initial() });
  const first = apply(wide('first', 'swish'), input);
  const sum = apply(l.add(), first, apply(l.leakyReLU({ alpha: 0.1 }), apply(wide('second'), first)));
  const like = tf.model({ inputs: input, outputs: apply(l.globalMaxPooling2d({}), sum) });

  const policy = { module: 'keras', class_name: 'DTypePolicy', config: { name: 'float32' }, registered_name: null };
  const tensor = (from: string): Json => ({
    class_name: '__keras_tensor__',
    config: { shape: [null, 8, 8, 4], dtype: 'float32', keras_history: [from, 0, 0] },
  });
  const place = (kind: string, name: string, config: Json, args?: unknown[]): Json => ({
    ...layer(kind, name, { ...config, dtype: policy }),
    module: 'keras.layers',
    name,
    inbound_nodes: args ? [{ args, kwargs: {} }] : [],
  });
  const layers = [
    place('InputLayer', 'image', { batch_shape: [null, 8, 8, 3] }),
    place('Conv2D', 'first', { ...conv, filters: 4, activation: 'silu' }, [tensor('image')]),
    place('Conv2D', 'second', { ...conv, filters: 4, activation: 'linear' }, [tensor('first')]),
    place('LeakyReLU', 'leaky', { negative_slope: 0.1 }, [tensor('second')]),
    place('Add', 'add', {}, [[tensor('first'), tensor('leaky')]]),
    place('GlobalMaxPooling2D', 'pool', { data_format: 'channels_last' }, [tensor('add')]),
  ];
  const config = { name: 'functional', layers, input_layers: ['image', 0, 0], output_layers: ['pool', 0, 0] };
  const model_config = { class_name: 'Functional', config };
  const path = save({ keras_version: '3.5.0', backend: 'tensorflow', model_config }, like, 'functional/');
  const model = await loadTfjs(path);
  const x = someInputs(model);
  assertSame(outputsOf(model, x), outputsOf(like, x), 'Keras 3');
});

test('inputs of bytes and half floats get types that TensorFlow.js has', async () => {
  const like = tf.sequential({ layers: [l.flatten({ inputShape: [8, 8, 3] })] });
  for (const [dtype, type] of [
    ['uint8', 'int32'],
    ['float16', 'float32'],
  ] as const) {
    const input = layer('InputLayer', 'image', { batch_input_shape: [null, 8, 8, 3], dtype });
    const layers = [input, layer('Rescaling', 'scale', { scale: 0.5, offset: -1 }), layer('Flatten', 'flat')];
    const model_config = { class_name: 'Sequential', config: { name: 'net', layers } };
    const model = await loadTfjs(save({ keras_version: '2.13.1', backend: 'tensorflow', model_config }, like));
    assert.equal(model.inputs[0].dtype, type);
    const [y] = outputsOf(model, [tf.fill([1, 8, 8, 3], 7, type)]);
    assert.deepEqual([...new Set(y.values)], [2.5]);
  }
});

test('settings that TensorFlow.js would ignore, computing something else, are refused by name', async () => {
  const like = tf.sequential({ layers: [l.flatten({ inputShape: [8, 8, 3] }), l.dense({ units: 2 })] });
  const refused: [Json, string, RegExp][] = [
    [layer('ReLU', 'r', { negative_slope: 0.2, threshold: 0 }), '2.13.1', /layer r \(ReLU\) has negative_slope=0\.2/],
    [layer('ReLU', 'r', { negative_slope: 0, threshold: 1 }), '2.13.1', /layer r \(ReLU\) has threshold=1/],
    [layer('Conv2D', 'c', { ...conv, filters: 4, groups: 2 }), '2.13.1', /layer c \(Conv2D\) has groups=2/],
    [
      layer('DepthwiseConv2D', 'd', { ...conv, dilation_rate: [2, 2] }),
      '2.13.1',
      /layer d \(DepthwiseConv2D\) has dilation_rate=\[2,2\], which TensorFlow\.js does not compute/,
    ],
    [
      layer('Conv2DTranspose', 't', { ...conv, filters: 4, dilation_rate: [1, 1], output_padding: [1, 1] }),
      '2.13.1',
      /layer t \(Conv2DTranspose\) has output_padding=\[1,1\]/,
    ],
    [layer('UpSampling2D', 'u', { size: [2, 2], interpolation: 'bilinear' }), '3.5.0', /has interpolation="bilinear"/],
    [
      layer('GlobalAveragePooling2D', 'g', { keepdims: true }),
      '2.13.1',
      /\(GlobalAveragePooling2D\) has keepdims=true/,
    ],
    [layer('LayerNormalization', 'n', { axis: -1, rms_scaling: true }), '3.5.0', /has rms_scaling=true/],
    [
      layer('Activation', 'h', { activation: 'hard_sigmoid' }),
      '3.5.0',
      /layer h \(Activation\) has the hard_sigmoid of/,
    ],
  ];
  for (const [at, keras_version, message] of refused) {
    const input = layer('InputLayer', 'input', { batch_input_shape: [null, 8, 8, 3] });
    const model_config = { class_name: 'Sequential', config: { name: 'net', layers: [input, at] } };
    const path = save({ keras_version, backend: 'tensorflow', model_config }, like);
    await assert.rejects(loadTfjs(path), { name: 'UserError', message });
  }
});
