import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import type { SimdBackend } from 'sparsebook/backend/simd/simdBackend.js';
import { compile } from 'sparsebook/compact/compile.js';
import { UserError } from 'sparsebook/errors.js';
import { forward } from 'sparsebook/graph/gates.js';
import { BatchNorm } from 'sparsebook/layers/batchNorm.js';
import { Conv2d } from 'sparsebook/layers/conv2d.js';
import { c3 } from 'sparsebook/models/c3.js';
import { cnn4 } from 'sparsebook/models/cnn4.js';
import { googleNet } from 'sparsebook/models/googleNet.js';
import { resnet18 } from 'sparsebook/models/resnet18.js';
import { resnet20 } from 'sparsebook/models/resnet20.js';
import { random } from '../backend/compare.ts';

await useBackend({ backend: 'simd', threads: 2 });

type Symbolic = tf.SymbolicTensor;
const { layers: l } = tf;

/** The outputs of a network or a plan, as values. */
const values = (outputs: tf.Tensor | tf.Tensor[]): number[][] => {
  const all = [outputs].flat().map((tensor) => [...tensor.dataSync()]);
  tf.dispose(outputs);
  return all;
};
const images = (shape: number[], seed = 1): tf.Tensor => tf.tensor(random(shape, seed).values, shape);
/** The outputs of a network for some images at a time, the last batch padded with zeros. */
function expected(model: tf.LayersModel, inputs: tf.Tensor[], atOnce: number): number[][] {
  const n = inputs[0].shape[0];
  const all: number[][] = model.outputs.map(() => []);
  for (let from = 0; from < n; from += atOnce) {
    const size = Math.min(atOnce, n - from);
    const part = inputs.map((x) =>
      x.slice(from, size).pad([[0, atOnce - size], ...x.shape.slice(1).map((): [number, number] => [0, 0])]),
    );
    [forward(model, part)].flat().forEach((output, i) => all[i].push(...output.slice(0, size).dataSync()));
  }
  return all;
}
const inUse = () => ({ tensors: tf.memory().numTensors, live: (tf.backend() as SimdBackend).heap.usage().live });

/** Weights as after training: none of them is 0 or 1. */
function unsettled(model: tf.LayersModel): tf.LayersModel {
  model.weights.forEach((weight, i) =>
    tf.tidy(() => {
      const moved = weight.read().add(images(weight.shape as number[], i + 1).mul(0.1));
      weight.write(/variance/i.test(weight.originalName) ? moved.abs() : moved);
    }),
  );
  return model;
}

/** A network of one input [4, 4, 4]. */
function network(layers: (x: Symbolic) => Symbolic | Symbolic[], name = 'small'): tf.LayersModel {
  const input = tf.input({ shape: [4, 4, 4] });
  return unsettled(tf.model({ inputs: input, outputs: layers(input), name }));
}
const conv = (x: Symbolic, filters = 4) => new Conv2d({ filters, kernelSize: 3, padding: 1 }).apply(x) as Symbolic;
const norm = (x: Symbolic) => new BatchNorm({ activation: 'relu' }).apply(x) as Symbolic;

const depthwise = (x: Symbolic) => l.depthwiseConv2d({ kernelSize: 3, padding: 'same' }).apply(x) as Symbolic;
const pooled = (x: Symbolic) => l.globalAveragePooling2d({}).apply(x) as Symbolic;

/** A user's own layer. */
function custom(name: string, call: (x: tf.Tensor) => tf.Tensor): (x: Symbolic) => Symbolic {
  class Custom extends l.Layer {
    static className = 'Custom';
    override call(inputs: tf.Tensor | tf.Tensor[]) {
      return tf.tidy(() => call(Array.isArray(inputs) ? inputs[0] : inputs));
    }
    override computeOutputShape(shape: tf.Shape) {
      return shape;
    }
  }
  return (x) => new Custom({ name }).apply(x) as Symbolic;
}

const shared = new Conv2d({ filters: 4, kernelSize: 3, padding: 1 });
const twice = (x: Symbolic) => shared.apply(norm(shared.apply(x) as Symbolic)) as Symbolic;
const two = [tf.input({ shape: [4, 4, 4], name: 'left' }), tf.input({ shape: [16], name: 'right' })];
const joined = l.multiply().apply([pooled(conv(two[0])), l.dense({ units: 4 }).apply(two[1]) as Symbolic]) as Symbolic;
const options = { widthMultiplier: 0.125, seed: 2, inputShape: [16, 16, 3] };

/** The networks for which plans must be right. */
const networks: Record<string, () => tf.LayersModel> = {
  googleNet: () => googleNet(options),
  'googleNet with gates': () => googleNet({ ...options, gates: true }),
  'googleNet with gates on weights': () => googleNet({ ...options, gates: { unstructured: true } }),
  resnet20: () => resnet20(options),
  resnet18: () => resnet18(options),
  c3: () => c3(options),
  cnn4: () => cnn4({ ...options, inputShape: [25, 25, 3] }),
  'a layer used twice': () => network(twice),
  'several inputs and outputs': () =>
    tf.model({ inputs: two, outputs: [joined, l.softmax().apply(joined) as Symbolic] }),
  'a network in a network': () => network((x) => network((y) => norm(conv(y)), 'inner').apply(x) as Symbolic),
  'kernels of the cpu backend': () =>
    network(
      (x) => l.softmax().apply(pooled(depthwise(l.batchNormalization().apply(depthwise(x)) as Symbolic))) as Symbolic,
    ),
  'axes in another order': () =>
    network(
      (x) =>
        l
          .permute({ dims: [2, 1, 3] })
          .apply(norm(l.permute({ dims: [3, 1, 2] }).apply(conv(x)) as Symbolic)) as Symbolic,
    ),
  integers: () =>
    network((x) =>
      custom('largest', (y) => y.argMax(-1).expandDims(-1).mul(tf.scalar(2, 'int32')).tile([1, 1, 1, 4]))(x),
    ),
  'outputs that are inputs or constants': () =>
    network((x) => [x, custom('same', (y) => y.reshape([-1, 64]).reshape(y.shape))(x), custom('ones', tf.onesLike)(x)]),
  'a recurrent layer': () =>
    network((x) => l.lstm({ units: 3 }).apply(l.reshape({ targetShape: [4, 16] }).apply(x)) as Symbolic),
};

for (const [name, make] of Object.entries(networks)) {
  test(`a plan gives the same bits as the network: ${name}`, () => {
    const model = unsettled(make());
    const inputs = (n: number, seed: number) =>
      model.inputs.map(({ shape }) => images([n, ...(shape.slice(1) as number[])], seed));
    const plan = compile(model, { batchSize: 3 });
    for (const [seed, n] of [3, 5].entries()) {
      const given = inputs(n, seed + 1);
      const arrays = given.map((tensor) => tensor.dataSync<'float32'>());
      assert.deepEqual(values(plan.predict(arrays)), expected(model, given, plan.imagesAtOnce));
    }
    plan.dispose();
  });
}

test('integers that a layer converts to floats are read again at each pass', () => {
  const input = tf.input({ shape: [4, 4, 3], dtype: 'int32' });
  const model = tf.model({ inputs: input, outputs: conv(l.rescaling({ scale: 1 / 255 }).apply(input) as Symbolic) });
  const largest = network((x) => custom('largest', (y) => y.argMax(-1).expandDims(-1).toFloat().mul(0.5))(x));
  for (const [each, x] of [
    [unsettled(model), tf.randomUniform([3, 4, 4, 3], 0, 255, 'int32', 1)],
    [largest, images([3, 4, 4, 4])],
  ] as const) {
    const plan = compile(each, { batchSize: 3 });
    const wanted = values(forward(each, x));
    assert.ok(new Set(wanted[0]).size > 1);
    assert.deepEqual(values(plan.predict(x)), wanted);
    plan.dispose();
  }
});

test('any number of threads gives the same bits, whether each thread takes its own images or all share them', async () => {
  // Wide enough for fast kernels throughout.
  const model = unsettled(resnet20({ ...options, inputShape: [24, 24, 3], widthMultiplier: 0.5, classes: 128 }));
  const x = images([13, 24, 24, 3]);
  for (const [batchSize, atOnce] of [
    [1, 1],
    [12, 3],
    [64, 8],
  ]) {
    const wanted = expected(model, [x], atOnce);
    for (const threads of [1, 2, 3]) {
      await useBackend({ backend: 'simd', threads });
      const plan = compile(model, { batchSize });
      assert.equal(plan.imagesAtOnce, atOnce);
      assert.deepEqual(values(plan.predict(x)), wanted, `${batchSize} images, ${threads} threads`);
      plan.dispose();
    }
  }
});

test('each thread takes its own images, however few channels are left, and through stock layers too', () => {
  const input = tf.input({ shape: [16, 16, 4] });
  const small = l.dense({ units: 2, activation: 'softmax' }).apply(pooled(norm(conv(conv(input), 2))));
  const stock = l.reLU().apply(l.batchNormalization().apply(l.conv2d({ filters: 4, kernelSize: 3 }).apply(input)));
  const excite = l.dense({ units: 4, activation: 'sigmoid' }).apply(l.globalMaxPooling2d({}).apply(input)) as Symbolic;
  const scaled = l.multiply().apply([input, l.reshape({ targetShape: [1, 1, 4] }).apply(excite) as Symbolic]);
  const swish = l.activation({ activation: 'swish' }).apply(l.upSampling2d({}).apply(scaled));
  for (const outputs of [small, pooled(stock as Symbolic), pooled(swish as Symbolic)] as Symbolic[]) {
    const model = unsettled(tf.model({ inputs: input, outputs }));
    const plan = compile(model, { batchSize: 64 });
    assert.equal(plan.imagesAtOnce, 8, 'where threads work together, as many images as are given');
    plan.dispose();
  }
});

test('a plan keeps the weights it was compiled with, and outlives its network', () => {
  const model = network((x) => pooled(norm(conv(x))));
  const x = images([1, 4, 4, 4]);
  const plan = compile(model);
  const before = values(plan.predict(x));
  unsettled(model);
  assert.notDeepEqual(values(forward(model, x)), before);
  assert.deepEqual(values(plan.predict(x)), before);
  model.dispose();
  tf.tidy(() => tf.square(tf.randomNormal([64, 64])));
  assert.deepEqual(values(plan.predict(x)), before);
});

test('passes leak no memory, and a disposed plan leaves none behind', () => {
  const model = network((x) => l.softmax().apply(pooled(depthwise(norm(conv(x))))) as Symbolic);
  const x = images([2, 4, 4, 4]);
  compile(model, { batchSize: 2 }).dispose();
  const before = inUse();
  const plan = compile(model, { batchSize: 2 });
  const compiled = inUse();
  for (let i = 0; i < 3; i++) tf.dispose(plan.predict(x));
  assert.deepEqual(inUse(), compiled);
  plan.dispose();
  assert.deepEqual(inUse(), before);
  assert.throws(() => plan.predict(x), isRefusal(/The plan of small is disposed/));
});

const isRefusal = (message: RegExp) => (error: unknown) => error instanceof UserError && message.test(error.message);

let kept: tf.Tensor | undefined;
const refused: Record<string, [(x: tf.Tensor) => tf.Tensor, RegExp]> = {
  'reads values': [(x) => (x.max().dataSync()[0] > 0 ? x : x.neg()), /The layer own \(Custom\) reads values/],
  'draws numbers': [(x) => x.add(tf.randomNormal(x.shape)), /draws random numbers/],
  'mixes the images of a batch': [(x) => x.sub(x.mean(0, true)), /mixes the images/],
  'keeps a tensor': [
    (x) => {
      kept = tf.keep(tf.conv2d(x as tf.Tensor4D, tf.ones<tf.Rank.R4>([1, 1, 4, 4]), 1, 'same'));
      return x.neg();
    },
    /The layer own \(Custom\) keeps a tensor/,
  ],
  'computes with complex numbers': [(x) => tf.real(tf.complex(x, x)), /The layer own \(Custom\) .*complex64/],
};

for (const [what, [call, message]] of Object.entries(refused)) {
  test(`a layer that ${what} is refused`, () => {
    const model = network((x) => custom('own', call)(norm(conv(x))));
    tf.dispose(forward(model, images([2, 4, 4, 4])));
    kept?.dispose();
    const before = inUse();
    assert.throws(() => compile(model, { batchSize: 2 }), isRefusal(message));
    kept?.dispose();
    assert.deepEqual(inUse(), before);
    assert.equal(Object.hasOwn(model.layers[1], 'call'), false);
  });
}

test('networks that cannot be compiled are refused by name', async () => {
  const model = network((x) => pooled(conv(x)));
  const open = tf.model({ inputs: tf.input({ shape: [null, 4, 4], name: 'open' }), outputs: [] });
  assert.throws(() => compile(open), isRefusal(/open.*\[N, \?, 4, 4\]/));
  assert.throws(() => compile(model, { batchSize: 0 }), isRefusal(/batchSize .* 0/));
  const plan = compile(model);
  assert.throws(() => plan.predict([images([1, 4, 4, 4]), images([1, 4, 4, 4])]), isRefusal(/its input, .*received 2/));
  assert.throws(() => plan.predict(images([1, 4, 4, 3])), isRefusal(/\[N, 4, 4, 4\].*received \[1, 4, 4, 3\]/));
  assert.throws(() => plan.predict(new Float32Array(65)), isRefusal(/received 65 values/));
  const complex = tf.complex(images([1, 4, 4, 4]), images([1, 4, 4, 4]));
  for (const [given, what] of [
    [complex, 'a tensor of complex64'],
    [tf.fill([1, 4, 4, 4], 'x'), 'a tensor of string'],
    [new BigInt64Array(64), '\\[object BigInt64Array\\]'],
    [undefined, '\\[object Undefined\\]'],
  ] as [tf.Tensor, string][]) {
    assert.throws(() => plan.predict(given), isRefusal(new RegExp(`must be a tensor of numbers.* received ${what}`)));
  }
  await tf.setBackend('cpu');
  assert.throws(() => compile(model), isRefusal(/must be simd .* it is cpu/));
  await tf.setBackend('simd');
});
