// Random small networks with random weights, for properties that hold for every network.
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { Random } from 'sparsebook/backend/random.js';
import { leafLayers } from 'sparsebook/graph/names.js';
import { BatchNorm } from 'sparsebook/layers/batchNorm.js';
import { Conv2d } from 'sparsebook/layers/conv2d.js';
import { L0Gate } from 'sparsebook/layers/l0Gate.js';
import { MaxPool2d } from 'sparsebook/layers/maxPool2d.js';
import type { ChannelMasks } from 'sparsebook/graph/channelGraph.js';

/** A convolution and the layers that follow it. */
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

const kinds = [
  'chain',
  'residual',
  'projection',
  'concat',
  'concat and add',
  'max pool',
  'average pool',
  'depthwise',
  'separable',
  'excite',
  'attend',
  'larger',
  'mean',
  'along a side',
  'preactivated',
  'smaller product',
  'up',
  'transposed',
  'slopes',
  'nested',
] as const;

interface Block {
  kind: (typeof kinds)[number];
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
  /** Shares of closed channels, gammas at 0, closed gates and filters at 0. */
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
      kind: fc.constantFrom(...kinds),
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

/** Builds the network of a plan, with random weights, and random masks for its convolutions and dense layers. */
export function randomNetwork(plan: NetworkPlan): { model: tf.LayersModel; masks: ChannelMasks } {
  let number = 0;
  const name = (what: string): string => `${what}${++number}`;
  const widthOf = (x: Tensor): number => x.shape.at(-1)!;

  const withUnit = (x: Tensor, given: Unit, same = false, width = given.width): Tensor => {
    const side = Math.min(x.shape[1]!, x.shape[2]!);
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

  const active = ({ relu, gate }: Unit): 'relu' | 'swish' | 'linear' => (relu ? 'relu' : gate ? 'swish' : 'linear');
  const dense1x1 = (filters: number, activation: 'swish' | 'sigmoid' | 'relu' | 'tanh'): tf.layers.Layer =>
    tf.layers.conv2d({ name: name('conv'), filters, kernelSize: 1, activation });
  const withNorm = (x: Tensor, { norm, relu }: Unit): Tensor => {
    const y = norm === 'none' ? x : apply(tf.layers.batchNormalization({ name: name('norm'), axis: 3 }), x);
    return relu ? apply(tf.layers.reLU({ name: name('relu') }), y) : y;
  };
  const deepen = (x: Tensor, unit: Unit): Tensor => {
    const size = { kernelSize: Math.min(unit.kernel, x.shape[1]!, x.shape[2]!), strides: unit.stride };
    const more = { depthMultiplier: 1 + (unit.width % 2), useBias: unit.gate, activation: active(unit) };
    const padding = unit.padding === 'valid' ? 'valid' : 'same';
    return withNorm(apply(tf.layers.depthwiseConv2d({ name: name('conv'), ...size, ...more, padding }), x), unit);
  };

  const withBlock = (x: Tensor, { kind, a, b, gateBehind }: Block): Tensor => {
    const side = Math.min(x.shape[1]!, x.shape[2]!);
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
      case 'depthwise':
        return deepen(x, a);
      case 'separable': {
        const size = { filters: a.width, kernelSize: Math.min(a.kernel, side), strides: a.stride };
        const more = { padding: 'same' as const, depthMultiplier: 1 + (b.width % 2), activation: active(b) };
        return withNorm(apply(tf.layers.separableConv2d({ name: name('conv'), ...size, ...more }), x), a);
      }
      case 'excite': {
        const mean = apply(tf.layers.globalAveragePooling2d({ name: name('global') }), x);
        const place = apply(tf.layers.reshape({ name: name('place'), targetShape: [1, 1, widthOf(x)] }), mean);
        const small = apply(dense1x1(a.width, 'swish'), place);
        const weights = apply(dense1x1(widthOf(x), a.relu ? 'sigmoid' : 'relu'), small);
        return gated(apply(tf.layers.multiply({ name: name('product') }), [x, weights]));
      }
      case 'attend':
        // A single channel that multiplies all channels, or is added to them.
        return a.relu
          ? apply(tf.layers.multiply({ name: name('product') }), [apply(dense1x1(1, 'sigmoid'), x), x])
          : apply(tf.layers.add({ name: name('sum') }), [x, apply(dense1x1(1, 'tanh'), x)]);
      case 'larger':
        return gated(
          apply(tf.layers.maximum({ name: name('maximum') }), [withUnit(x, a, true, b.width), withUnit(x, b, true)]),
        );
      case 'mean': {
        const parts = [x, withUnit(x, a, true, widthOf(x)), withUnit(x, b, true, widthOf(x))];
        return gated(apply(tf.layers.average({ name: name('average') }), parts));
      }
      case 'along a side': {
        // Means of rows and of columns, broadcast along their row or column.
        const [rows, columns] = x.shape.slice(1, 3) as number[];
        const mean = (poolSize: [number, number]): Tensor =>
          apply(tf.layers.averagePooling2d({ name: name('pool'), poolSize }), x);
        const parts = [[1, columns] as const, [rows, 1] as const].map(([tall, wide]) =>
          apply(dense1x1(widthOf(x), a.relu ? 'sigmoid' : 'tanh'), mean([tall, wide])),
        );
        const merged = { name: name('merged') };
        if (a.gate) return apply(tf.layers.add(merged), [...parts, x]);
        return gated(apply(a.norm === 'none' ? tf.layers.maximum(merged) : tf.layers.multiply(merged), [...parts, x]));
      }
      case 'preactivated': {
        const way = apply(new Conv2d({ name: name('conv'), filters: a.width, kernelSize: 1 }), x);
        const inner = withUnit(withNorm(way, { ...a, norm: 'tf' }), b, true, a.width);
        return gated(apply(tf.layers.add({ name: name('sum') }), [way, inner]));
      }
      case 'smaller product': {
        const parts = [withUnit(x, a, true, b.width), withUnit(x, b, true)];
        const least = apply(tf.layers.minimum({ name: name('minimum') }), parts);
        return gated(apply(tf.layers.multiply({ name: name('product') }), [least, withUnit(x, a, true, b.width)]));
      }
      case 'up': {
        if (side > 8) return x;
        const interpolation = a.relu ? 'nearest' : 'bilinear';
        const size = [2, 1 + (a.width % 2)];
        return apply(tf.layers.upSampling2d({ name: name('up'), size: size, interpolation }), x);
      }
      case 'transposed': {
        if (side > 8) return x;
        const padding = a.padding === 'valid' ? 'valid' : 'same';
        const size = { filters: a.width, kernelSize: a.kernel, strides: a.stride, padding } as const;
        return withNorm(apply(tf.layers.conv2dTranspose({ name: name('conv'), ...size, activation: active(b) }), x), a);
      }
      case 'slopes': {
        const sharedAxes = [[1, 2], [1, 2, 3], [1], undefined][a.width % 4];
        const args = { name: name('slopes'), ...(sharedAxes && { sharedAxes }) };
        return gated(apply(tf.layers.prelu(args), apply(tf.layers.reLU({ name: name('relu'), maxValue: 2 }), x)));
      }
      case 'nested': {
        const inner = tf.input({ shape: x.shape.slice(1) });
        const inside = tf.model({
          name: name('inside'),
          inputs: inner,
          outputs: withUnit(withUnit(inner, a, true), b, true),
        });
        return apply(inside, x);
      }
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

/** Sets random weights with the plan's share of zeros; returns random masks. */
function randomise(model: tf.LayersModel, { closed, seed }: NetworkPlan): ChannelMasks {
  const random = new Random(seed);
  const between = (low: number, high: number): number => low + (high - low) * random.next();
  const masks = new Map<string, Float32Array>();
  for (const layer of leafLayers(model)) {
    const values = layer.weights.map(({ originalName, shape }) => {
      const what = originalName.split('/').at(-1)!;
      const width = what === 'depthwise_kernel' ? shape[2]! * shape[3]! : shape.at(-1)!;
      const zeroFilters = Array.from({ length: width }, () => random.next() < closed.filter / 4);
      const bound = Math.sqrt(3 / (shape.slice(0, -1) as number[]).reduce((product, side) => product * side, 1));
      const draw = (i: number): number => {
        switch (what) {
          case 'kernel':
          case 'depthwise_kernel':
          case 'pointwise_kernel':
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
