// Random small networks with random weights, for properties that hold for every network.
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { Random } from 'sparsebook/backend/random.js';
import { BatchNorm, Conv2d, L0Gate, MaxPool2d } from 'sparsebook/layers';
import type { ChannelMasks } from 'sparsebook/models';

/** A convolution with what follows it. */
interface Unit {
  width: number;
  kernel: 1 | 3 | 5;
  stride: 1 | 2;
  padding: 'same' | 'valid' | 'half' | 'lopsided';
  conv: 'ours' | 'tf' | 'tf relu';
  norm: 'none' | 'ours' | 'ours relu' | 'tf';
  relu: boolean;
  gate: boolean;
}

interface Block {
  kind: 'chain' | 'residual' | 'projection' | 'concat' | 'concat and add' | 'max pool' | 'average pool';
  a: Unit;
  b: Unit;
  gateBehind: boolean;
}

export interface NetworkPlan {
  image: number;
  blocks: Block[];
  end: 'global pool' | 'global max' | 'flatten';
  hidden: boolean;
  softmax: boolean;
  /** Shares of closed channels, of gammas at 0, of closed gates and of filters at 0. */
  closed: { mask: number; gamma: number; gate: number; filter: number };
  seed: number;
}

const unit = fc.record<Unit>({
  width: fc.integer({ min: 1, max: 6 }),
  kernel: fc.constantFrom(1, 3, 5),
  stride: fc.constantFrom(1, 1, 2),
  padding: fc.constantFrom('same', 'valid', 'half', 'lopsided'),
  conv: fc.constantFrom('ours', 'tf', 'tf relu'),
  norm: fc.constantFrom('none', 'ours', 'ours relu', 'tf'),
  relu: fc.boolean(),
  gate: fc.boolean(),
});

const share = fc.constantFrom(0, 0.2, 0.5, 0.9, 1);

export const networkPlan = fc.record<NetworkPlan>({
  image: fc.integer({ min: 5, max: 9 }),
  blocks: fc.array(
    fc.record<Block>({
      kind: fc.constantFrom('chain', 'residual', 'projection', 'concat', 'concat and add', 'max pool', 'average pool'),
      a: unit,
      b: unit,
      gateBehind: fc.boolean(),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  end: fc.constantFrom('global pool', 'global max', 'flatten'),
  hidden: fc.boolean(),
  softmax: fc.boolean(),
  closed: fc.record({ mask: share, gamma: share, gate: share, filter: share }),
  seed: fc.integer({ min: 0, max: 1e6 }),
});

type Tensor = tf.SymbolicTensor;
const apply = (layer: tf.layers.Layer, x: Tensor | Tensor[]): Tensor => layer.apply(x) as Tensor;

/** The network of a plan, with random weights, and random masks for its convolutions and dense layers. */
export function randomNetwork(plan: NetworkPlan): { model: tf.LayersModel; masks: ChannelMasks } {
  let number = 0;
  const name = (what: string): string => `${what}${++number}`;
  const widthOf = (x: Tensor): number => x.shape.at(-1)!;

  const withUnit = (x: Tensor, given: Unit, same = false, width = given.width): Tensor => {
    const side = x.shape[1]!;
    const kernel = given.kernel > side ? 1 : given.kernel;
    const stride = same ? 1 : given.stride;
    const half = (kernel - 1) / 2;
    const tfPadding = same || given.padding !== 'valid' ? 'same' : 'valid';
    const shared = { name: name('conv'), filters: width, kernelSize: kernel, strides: stride };
    let y: Tensor;
    if (given.conv === 'ours') {
      const lopsided: [[number, number], [number, number]] = [
        [half, 0],
        [0, half],
      ];
      const padding = same || given.padding === 'half' ? half : given.padding === 'lopsided' ? lopsided : tfPadding;
      y = apply(new Conv2d({ ...shared, padding, useBias: given.gate }), x);
    } else {
      const activation = given.conv === 'tf relu' ? 'relu' : 'linear';
      y = apply(tf.layers.conv2d({ ...shared, padding: tfPadding, useBias: given.relu, activation }), x);
    }
    if (given.norm === 'tf') y = apply(tf.layers.batchNormalization({ name: name('norm') }), y);
    else if (given.norm !== 'none') {
      const activation = given.norm === 'ours' ? 'linear' : 'relu';
      y = apply(new BatchNorm({ name: name('norm'), activation, scale: given.relu || given.kernel !== 3 }), y);
    }
    if (given.relu)
      y = apply(
        given.gate
          ? tf.layers.reLU({ name: name('relu') })
          : tf.layers.activation({ name: name('relu'), activation: 'relu' }),
        y,
      );
    return given.gate ? apply(new L0Gate({ name: name('gate') }), y) : y;
  };

  const withBlock = (x: Tensor, { kind, a, b, gateBehind }: Block): Tensor => {
    const side = x.shape[1]!;
    const gated = (y: Tensor): Tensor => (gateBehind ? apply(new L0Gate({ name: name('gate') }), y) : y);
    switch (kind) {
      case 'chain':
        return withUnit(x, a);
      case 'residual': {
        const inner = withUnit(withUnit(x, a, true), b, true, widthOf(x));
        return gated(apply(tf.layers.add({ name: name('sum') }), [x, inner]));
      }
      case 'projection': {
        const parts = [withUnit(withUnit(x, a, true), b, true), withUnit(x, a, true, b.width)];
        const sum = apply(tf.layers.add({ name: name('sum') }), parts);
        return gated(apply(tf.layers.activation({ name: name('relu'), activation: 'relu' }), sum));
      }
      case 'concat': {
        const pooled = apply(new MaxPool2d({ name: name('pool'), poolSize: 3, strides: 1, padding: 1 }), x);
        const parts = [withUnit(x, a, true), withUnit(withUnit(x, b, true), a, true), withUnit(pooled, b, true), x];
        return gated(apply(tf.layers.concatenate({ name: name('concat') }), parts));
      }
      case 'concat and add': {
        const strung = apply(tf.layers.concatenate({ name: name('concat') }), [
          withUnit(x, a, true),
          withUnit(x, b, true),
        ]);
        return gated(apply(tf.layers.add({ name: name('sum') }), [strung, withUnit(x, b, true, widthOf(strung))]));
      }
      case 'max pool':
        return side < 3 ? x : apply(new MaxPool2d({ name: name('pool'), poolSize: 3, strides: 2, padding: 1 }), x);
      case 'average pool':
        return apply(tf.layers.averagePooling2d({ name: name('pool'), poolSize: 2, strides: 1, padding: 'same' }), x);
    }
  };

  const input = tf.input({ shape: [plan.image, plan.image, 2], name: 'image' });
  let x = plan.blocks.reduce(withBlock, input);
  if (plan.end === 'flatten') x = apply(tf.layers.flatten({ name: 'flatten' }), x);
  else if (plan.end === 'global max') x = apply(tf.layers.globalMaxPooling2d({ name: 'global' }), x);
  else x = apply(tf.layers.globalAveragePooling2d({ name: 'global' }), x);
  if (plan.hidden) {
    x = apply(tf.layers.dropout({ name: 'dropout', rate: 0.5 }), x);
    x = apply(tf.layers.dense({ name: 'hidden', units: 4, activation: 'tanh' }), x);
  }
  x = apply(tf.layers.dense({ name: 'logits', units: 3 }), x);
  if (plan.softmax) x = apply(tf.layers.softmax({ name: 'softmax' }), x);
  const model = tf.model({ inputs: input, outputs: x, name: 'random' });
  return { model, masks: randomise(model, plan) };
}

/** Random weights with the plan's share of zeros; returns random masks. */
function randomise(model: tf.LayersModel, { closed, seed }: NetworkPlan): ChannelMasks {
  const random = new Random(seed);
  const between = (low: number, high: number): number => low + (high - low) * random.next();
  const masks = new Map<string, Float32Array>();
  for (const layer of model.layers) {
    const values = layer.weights.map(({ originalName, shape }) => {
      const what = originalName.split('/').at(-1)!;
      const width = shape.at(-1)!;
      const zeroFilters = Array.from({ length: width }, () => random.next() < closed.filter / 4);
      const bound = Math.sqrt(3 / (shape.slice(0, -1) as number[]).reduce((product, side) => product * side, 1));
      const draw = (i: number): number => {
        switch (what) {
          case 'kernel':
            return zeroFilters[i % width] ? 0 : between(-bound, bound);
          case 'gamma':
            return random.next() < closed.gamma ? 0 : between(-1.5, 1.5);
          case 'logAlpha':
            return random.next() < closed.gate ? -5 : between(-2.3, 3);
          case 'movingVariance':
          case 'moving_variance':
            return between(0.3, 1.5);
          default:
            return between(-1, 1);
        }
      };
      const size = (shape as number[]).reduce((product, side) => product * side, 1);
      return tf.tensor(
        Float32Array.from({ length: size }, (_, i) => draw(i)),
        shape as number[],
      );
    });
    layer.setWeights(values);
    tf.dispose(values);
    if (/^conv|^hidden/.test(layer.name)) {
      const width = (layer.outputShape as number[]).at(-1)!;
      const mask = Float32Array.from({ length: width }, () => (random.next() < closed.mask ? 0 : 1));
      if (random.next() < 0.8) masks.set(layer.name, mask);
    }
  }
  return masks;
}

/** Sets kernel and bias of closed channels to 0 in the network itself, unless the filter is 0 already: what a mask means. */
export function applyMasks(model: tf.LayersModel, masks: ChannelMasks): void {
  for (const [name, mask] of masks) {
    const layer = model.getLayer(name);
    tf.tidy(() => {
      const [kernel, ...bias] = layer.getWeights();
      const empty = kernel.equal(0).all(kernel.shape.map((_, axis) => axis).slice(0, -1));
      const open = empty
        .logicalOr(tf.tensor1d(mask.map((value) => (value === 0 ? 0 : 1))).cast('bool'))
        .cast('float32');
      layer.setWeights([kernel, ...bias].map((weight) => weight.mul(open)));
    });
  }
}
