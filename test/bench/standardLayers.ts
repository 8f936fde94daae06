// How much layers of TensorFlow.js cost in a user's own network: each layer between two 3x3 convolutions of 32 channels
// takes turns with the two convolutions alone. A layer that falls back to plain JavaScript takes many times as long as
// a convolution.
//   npm run bench:layers
//   npm run bench:layers -- --layers reLU6,zeroPadding --images 64 --rounds 9 --threads 1
import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { compile } from 'sparsebook/compact/compile.js';
import { forward } from 'sparsebook/graph/gates.js';
import { crossEntropy, logitsOf } from 'sparsebook/training/loss.js';
import { median } from './turns.ts';

type Place = tf.SymbolicTensor;
const { layers: l } = tf;
const through = (layer: tf.layers.Layer) => (x: Place) => layer.apply(x) as Place;
const activation = (name: string) => through(l.activation({ activation: name as 'swish' }));
/** Squeeze and excite: multiplies each channel by the output of a layer that sees the means of all channels. */
const excite = (x: Place): Place => {
  const weights = l.dense({ units: 32, activation: 'sigmoid' }).apply(l.globalAveragePooling2d({}).apply(x));
  return l.multiply().apply([x, l.reshape({ targetShape: [1, 1, 32] }).apply(weights) as Place]) as Place;
};

const between: Record<string, (x: Place) => Place> = {
  none: (x) => x,
  batchNormalization: (x) => through(l.batchNormalization())(x),
  layerNormalization: (x) => through(l.layerNormalization())(x),
  reLU: through(l.reLU()),
  reLU6: through(l.reLU({ maxValue: 6 })),
  leakyReLU: through(l.leakyReLU()),
  prelu: (x) => through(l.prelu({ sharedAxes: [1, 2] }))(x),
  elu: through(l.elu()),
  swish: activation('swish'),
  sigmoid: activation('sigmoid'),
  gelu: activation('gelu'),
  zeroPadding: through(l.zeroPadding2d({})),
  cropping: through(l.cropping2D({ cropping: 1 })),
  averagePooling: through(l.averagePooling2d({ poolSize: 3, strides: 1, padding: 'same' })),
  depthwise: (x) => through(l.depthwiseConv2d({ kernelSize: 3, padding: 'same' }))(x),
  separable: (x) => through(l.separableConv2d({ filters: 32, kernelSize: 3, padding: 'same' }))(x),
  add: (x) => l.add().apply([x, x]) as Place,
  concatenate: (x) => l.concatenate().apply([x, x]) as Place,
  squeezeAndExcite: excite,
  upSampling: (x) => through(l.upSampling2d({}))(through(l.maxPooling2d({ poolSize: 2 }))(x)),
  dropout: through(l.dropout({ rate: 0.5 })),
};

const { values: options } = parseArgs({
  options: {
    layers: { type: 'string', default: Object.keys(between).join() },
    images: { type: 'string', default: '128' },
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: '2' },
  },
});
const [images, rounds, threads] = [options.images, options.rounds, options.threads].map(Number);
const { description } = await useBackend({ backend: 'simd', threads });
const x = tf.randomUniform([images, 32, 32, 3], 0, 1, 'float32', 1);
const labels = tf.range(0, images, 1, 'int32').mod<tf.Tensor1D>(tf.scalar(10, 'int32'));
const loss = crossEntropy();

/** The timed passes of a network: a training step, a forward pass, a pass of its plan. */
function passesOf(layer: (x: Place) => Place): { passes: (() => void)[]; dispose: () => void } {
  const conv = (): tf.layers.Layer => l.conv2d({ filters: 32, kernelSize: 3, padding: 'same' });
  const input = tf.input({ shape: [32, 32, 3] });
  const features = through(conv())(layer(through(conv())(input)));
  const outputs = through(l.dense({ units: 10 }))(through(l.globalAveragePooling2d({}))(features));
  const model = tf.model({ inputs: input, outputs });
  const optimizer = tf.train.sgd(0.01);
  const variables = model.trainableWeights.map((weight) => (weight as unknown as { val: tf.Variable }).val);
  const plan = compile(model, { batchSize: images });
  const step = (): void => {
    optimizer.minimize(() => loss(logitsOf(model, x, { training: true, seed: 1 }), labels), false, variables);
  };
  const pass = (): void => tf.tidy(() => void (forward(model, x) as tf.Tensor).dataSync());
  const planned = (): void => tf.dispose(plan.predict(x));
  const dispose = (): void => {
    plan.dispose();
    model.dispose();
    optimizer.dispose();
  };
  return { passes: [step, pass, planned], dispose };
}

/** Milliseconds of each pass of two networks that take turns, as medians over rounds. */
function timed(networks: (() => void)[][]): number[][] {
  const times = networks.map((passes) => passes.map((): number[] => []));
  for (let round = -1; round < rounds; round++) {
    networks.forEach((passes, i) => {
      passes.forEach((pass, j) => {
        const began = performance.now();
        pass();
        if (round >= 0) times[i][j].push(performance.now() - began);
      });
    });
  }
  return times.map((own) => own.map(median));
}

console.log(`${description}; ${images} images of 32x32, medians of ${rounds} rounds\n`);
console.log(
  '| layer | step, ms | without it | forward | without it | plan | without it |\n|---|---|---|---|---|---|---|',
);
for (const name of options.layers.split(',')) {
  const networks = [passesOf(between[name]), passesOf(between.none)];
  const [own, without] = timed(networks.map(({ passes }) => passes));
  const shown = own.flatMap((ms, i) => [ms.toFixed(0), without[i].toFixed(0)]);
  console.log(`| ${[name, ...shown].join(' | ')} |`);
  for (const { dispose } of networks) dispose();
}
process.exit(0);
