// Our networks as the golden files of their projects describe them: the mapping of weight names, the network in the
// sizes that a file gives, a forward pass with its loss, and summaries of gradients.
import assert from 'node:assert/strict';
import * as tf from '@tensorflow/tfjs';
import { computedValues } from 'sparsebook/backend/readable.js';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { BatchNorm } from 'sparsebook/layers/batchNorm.js';
import type { CallOptions } from 'sparsebook/layers/layer.js';
import { c3 } from 'sparsebook/models/c3.js';
import { cnn4 } from 'sparsebook/models/cnn4.js';
import { fromTorchvision } from 'sparsebook/models/torchvision.js';
import { googleNet } from 'sparsebook/models/googleNet.js';
import { resnet18 } from 'sparsebook/models/resnet18.js';
import { resnet20 } from 'sparsebook/models/resnet20.js';
import {
  assertClose,
  fill,
  flatGolden,
  goldensBackend,
  maxAbs,
  summarise,
  tensor,
  useGoldensBackend,
  weight,
  weightShape,
  type GoldenArray,
  type GoldenRecipe,
  type GradientSummary,
  type Values,
} from '../goldens.ts';

/** A network of ours, and the mapping from its project's weight names to ours. */
export interface GoldenNetwork {
  build: (options: { gates?: boolean }) => tf.LayersModel;
  ourName: (golden: string) => string;
}

/** The positions of our blocks 1 to 8 in the files' list of blocks and poolings. */
const inceptionPositions = [0, 1, 3, 4, 5, 6, 8, 9];
const branchNames: Record<string, string> = { conv_1x1: '1x1', conv_3x3: '3x3', conv_5x5: '5x5', max_pool: 'pool' };
const normKeys: Record<string, string> = {
  weight: 'gamma',
  bias: 'beta',
  running_mean: 'movingMean',
  running_var: 'movingVariance',
};

/** `inception_blocks.3.max_pool.2.running_mean` is our `block3_pool_bn/movingMean`. */
function googleNetWeight(golden: string): string {
  const parts = golden.split('.');
  const key = parts.at(-1) ?? '';
  const conv = (name: string): string => `${name}_conv/${key === 'weight' ? 'kernel' : 'bias'}`;
  const norm = (name: string): string => `${name}_bn/${normKeys[key]}`;
  if (parts[0] === 'output_net') return `logits/${key === 'weight' ? 'kernel' : 'bias'}`;
  if (parts[0] === 'input_net') return parts[1] === '0' ? conv('stem') : norm('stem');
  const name = `block${inceptionPositions.indexOf(Number(parts[1])) + 1}_`;
  if (key === 'qz_loga') return `${googleNetGate(golden.slice(0, -'.qz_loga'.length))}/logAlpha`;
  const branch = name + branchNames[parts[2]];
  const index = Number(parts[3]);
  if (parts[2] === 'max_pool') return index === 1 ? conv(branch) : norm(branch);
  const reduced = parts[2] === 'conv_1x1' || index >= 3 ? branch : `${branch}_reduce`;
  return index % 3 === 0 ? conv(reduced) : norm(reduced);
}

/** `inception_blocks.3.conv_3x3_gate` is our `block3_3x3_gate`. */
export function googleNetGate(golden: string): string {
  const [, position, gate] = golden.split('.');
  return `block${inceptionPositions.indexOf(Number(position)) + 1}_${branchNames[gate.replace(/_gate$/, '')]}_gate`;
}

/** The layer whose output a probe reads: the stem, a block or the pooling after it. */
export function googleNetProbe(golden: string): string {
  if (golden === 'input_net') return 'stem_bn';
  const position = Number(golden.split('.')[1]);
  const at = inceptionPositions.indexOf(position);
  return at < 0 ? `pool${inceptionPositions.indexOf(position - 1) + 1}` : `block${at + 1}_concat`;
}

const roles: Record<string, string> = { c0: 'first', c1: 'second', p: 'projection' };

/** `g1b0p` is our `stage2_block1_projection`, `conv3` our `block3`. */
export function istaUnitName(golden: string): string {
  const fixed: Record<string, string> = { first_conv: 'stem', fc1: 'hidden', softmax_linear: 'logits' };
  if (golden in fixed) return fixed[golden];
  const [, stage, block, part] = /^g(\d)b(\d)(c0|c1|p)$/.exec(golden) ?? [];
  if (part) return `stage${Number(stage) + 1}_block${Number(block) + 1}_${roles[part]}`;
  return golden.replace('conv', 'block');
}

/** The name of the layer that has a unit's kernel. */
export function istaKernelLayer(golden: string): string {
  return `${istaUnitName(golden)}_${golden === 'softmax_linear' ? 'dense' : 'conv'}`;
}

/** `g1b0c0.moving_mean` is our `stage2_block1_first_bn/movingMean`. */
function istaWeight(golden: string): string {
  const [unit, key] = golden.split('.');
  if (key === 'weight') return `${istaKernelLayer(unit)}/kernel`;
  return `${istaUnitName(unit)}_bn/${key.replace('moving_mean', 'movingMean').replace('moving_variance', 'movingVariance')}`;
}

/** `conv2.weight` is our `block2_conv/kernel`, `fc1.bias` our `logits/bias`. */
function c3Weight(golden: string): string {
  const [layer, key] = golden.split('.');
  const ours = layer === 'fc1' ? 'logits' : `${layer.replace('conv', 'block')}_conv`;
  return `${ours}/${key === 'weight' ? 'kernel' : key}`;
}

/** The positions of torchvision's layers in the files' `model`; the head is called fc1 and fc2. */
const torchvisionPositions = ['conv1', 'bn1', '', '', 'layer1', 'layer2', 'layer3', 'layer4'];

function resnet18Weight(golden: string): string {
  const [model, position, ...rest] = golden.split('.');
  if (model === 'model') return fromTorchvision([torchvisionPositions[Number(position)], ...rest].join('.'))!;
  return `${model === 'fc1' ? 'hidden' : 'logits'}/${position === 'weight' ? 'kernel' : 'bias'}`;
}

/** Keyed by the names used in the files. */
export const goldenNetworks = {
  googleNet: { build: (options) => googleNet(options), ourName: googleNetWeight },
  resnet20: { build: () => resnet20(), ourName: istaWeight },
  cnn4: { build: () => cnn4(), ourName: istaWeight },
  c3: { build: () => c3(), ourName: c3Weight },
  resnet18: { build: () => resnet18(), ourName: resnet18Weight },
} satisfies Record<string, GoldenNetwork>;

export interface NetworkSettings {
  /** The shape of the images, [N, C, H, W]. Default: 32 x 32 in colour. */
  images?: number[];
  gates?: boolean;
  bn_eps?: number;
  bn_momentum?: number;
}

type Named = Pick<GoldenRecipe, 'name' | 'shape'>;

/**
 * The network with the sizes of a file's weights: kernel sizes, channels, classes. Refuses, by name, a weight that the
 * network does not have or has in another shape.
 */
export function networkOf(
  { build, ourName }: GoldenNetwork,
  weights: readonly Named[],
  { images = [1, 3, 32, 32], gates, bn_eps, bn_momentum }: NetworkSettings = {},
): tf.LayersModel {
  const given = new Map(weights.map(({ name, shape }) => [ourName(name), shape]));
  const config = build({ gates }).getConfig() as unknown as { layers: LayerConfig[] };
  const [, channels, ...size] = images;
  for (const { className, config: layer } of config.layers) {
    if (className === 'InputLayer') layer.batchInputShape = [null, ...size, channels];
    if (className === 'BatchNorm') {
      layer.epsilon = bn_eps ?? layer.epsilon;
      layer.momentum = bn_momentum ?? layer.momentum;
    }
    const kernel = given.get(`${layer.name as string}/kernel`);
    // The file's values replace the initial ones: millions of random numbers take seconds.
    if (kernel) layer.kernelInitializer = { className: 'Zeros', config: {} };
    if (kernel && className === 'Dense') [layer.units] = kernel;
    if (!kernel || className !== 'Conv2d') continue;
    layer.filters = kernel[0];
    layer.kernelSize = kernel[2] === kernel[3] ? kernel[2] : kernel.slice(2);
    if (typeof layer.padding === 'number') layer.padding = (kernel[2] - 1) / 2;
  }
  const model = tf.LayersModel.fromConfig(tf.LayersModel, config as never) as tf.LayersModel;
  const ours = weightsByName(model);
  for (const { name, shape } of weights) {
    const variable = ours.get(ourName(name));
    assert.ok(variable, `our network has no weight ${ourName(name)}, which is ${name}`);
    assert.deepEqual(variable.rank === 2 ? shape.slice(0, 2).reverse() : weightShape(shape), variable.shape, name);
  }
  return model;
}

interface LayerConfig {
  className: string;
  config: Record<string, unknown>;
}

/** The same network, filled with the file's values, which must cover all of its weights. */
export function filledNetwork(
  network: GoldenNetwork,
  recipes: readonly GoldenRecipe[],
  settings?: NetworkSettings,
): tf.LayersModel {
  const model = networkOf(network, recipes, settings);
  const left = weightsByName(model);
  for (const recipe of recipes) {
    const name = network.ourName(recipe.name);
    const variable = left.get(name)!;
    tf.tidy(() => variable.assign(ourWeight(model, name, fill(recipe))));
    left.delete(name);
  }
  assert.deepEqual([...left.keys()], [], 'weights without a golden value');
  return model;
}

/** Every weight of the model by its name, e.g. `stem_conv/kernel`. */
export function weightsByName(model: tf.LayersModel): Map<string, tf.Variable> {
  return new Map(model.weights.map((w) => [w.originalName, w.read() as tf.Variable]));
}

/** The number of image positions per channel in a layer's input: 1, except after a flattening. */
function positionsBefore(model: tf.LayersModel, weight: string): number {
  const { sourceLayer } = model.getLayer(weight.split('/')[0]).input as tf.SymbolicTensor;
  if (sourceLayer.getClassName() !== 'Flatten') return 1;
  const [, height, width] = (sourceLayer.input as tf.SymbolicTensor).shape;
  return height! * width!;
}

/**
 * A file's value for our weight of this name. After a flattening a dense kernel [units, C * H * W] becomes [H * W * C,
 * units]; logits that are a 1x1 convolution in the file, [classes, C, 1, 1], become [C, classes].
 */
export function ourWeight(model: tf.LayersModel, name: string, array: Values): tf.Tensor {
  if (model.weights.find(({ originalName }) => originalName === name)!.shape.length !== 2) return weight(array);
  const [units, positions] = [array.shape[0], positionsBefore(model, name)];
  const split = tensor(array).reshape([units, -1, positions]).transpose([2, 1, 0]);
  return split.reshape([-1, units]);
}

/** One of our weights, or its gradient, flat in the order of the files: the inverse of `ourWeight`. */
export function goldenWeight(model: tf.LayersModel, name: string, value: tf.Tensor): Float32Array {
  if (value.rank !== 2) return flatGolden(value, 'weight');
  return computedValues(() => value.reshape([positionsBefore(model, name), -1, value.shape[1]!]).transpose([2, 1, 0]));
}

export interface Convolution {
  choose: () => Promise<unknown>;
  /**
   * The share of a network's gradients that may be off, where the file allows this for a ReLU whose input is almost 0.
   */
  turned: number;
  /** The tolerance for entries of the gates' gradients, as a share of the largest entry of the gate. */
  entry: number;
}

/**
 * Ways to convolve: sums of products, which are closest to PyTorch; and the default, in which most convolutions of 3x3
 * and 5x5 use Winograd's transforms. Their rounding errors are larger: in GoogleNet they flip a ReLU of the first
 * block, which changes 23 of 181 gradients, and entries of the gates' gradients by up to 6.3e-3.
 */
const ways: Record<string, Convolution> = {
  'straight sums': { choose: () => useBackend({ backend: 'simd', winograd: false }), turned: 0.05, entry: 1e-3 },
  'the default, Winograd': { choose: () => useBackend({ backend: 'simd' }), turned: 0.13, entry: 1e-2 },
};

/** The same ways, or only another backend if golden tests are to run on it. */
export const convolutions: Record<string, Convolution> =
  goldensBackend === 'cpu' ? ways : { [goldensBackend]: { choose: useGoldensBackend, turned: 0.05, entry: 1e-3 } };

export interface ForwardPass {
  logits: tf.Tensor;
  crossEntropy: tf.Scalar;
  /** Cross-entropy + weightDecay / 2 * the sum of all squared kernel entries + `penalty`. */
  loss: tf.Scalar;
  /** Gradients of the loss by weight name. */
  gradients: Map<string, tf.Tensor>;
  /** The outputs of the requested layers. */
  probes: tf.Tensor[];
}

export interface PassOptions {
  /** Whether batch norm normalises by the batch (and moves its statistics) or by its statistics. Default true. */
  batchStatistics?: boolean;
  weightDecay?: number;
  penalty?: () => tf.Scalar;
  /** Layers whose outputs are returned. */
  probes?: string[];
  /** Options passed to the layers, such as the noise of gates. */
  call?: CallOptions;
}

/** A pass in training mode. */
export function forwardPass(
  model: tf.LayersModel,
  x: tf.Tensor,
  labels: number[],
  { batchStatistics = true, weightDecay = 0, penalty, probes = [], call }: PassOptions = {},
): ForwardPass {
  for (const layer of model.layers) if (layer instanceof BatchNorm) layer.frozen = !batchStatistics;
  const weights = [...weightsByName(model)];
  const looked = probes.map((name) => model.getLayer(name).output as tf.SymbolicTensor);
  const probed = tf.model({ inputs: model.inputs, outputs: [...model.outputs, ...looked] });
  let outputs: tf.Tensor[] = [];
  let crossEntropy: tf.Scalar | undefined;
  const { value: loss, grads } = tf.variableGrads(() => {
    outputs = [probed.apply(x, { training: true, ...call }) as tf.Tensor | tf.Tensor[]].flat().map((t) => tf.keep(t));
    const classes = outputs[0].shape.at(-1)!;
    crossEntropy = tf.keep(tf.losses.softmaxCrossEntropy(tf.oneHot(labels, classes), outputs[0]).asScalar());
    let sum = crossEntropy.clone();
    if (weightDecay !== 0) {
      const squares = weights.filter(([name]) => name.endsWith('/kernel')).map(([, kernel]) => kernel.square().sum());
      sum = sum.add<tf.Scalar>(tf.addN(squares).mul(weightDecay / 2));
    }
    return penalty ? sum.add<tf.Scalar>(penalty()) : sum;
  });
  const gradients = weights.flatMap(([name, variable]): [string, tf.Tensor][] =>
    variable.name in grads ? [[name, grads[variable.name]]] : [],
  );
  return {
    logits: outputs[0],
    crossEntropy: crossEntropy!,
    loss,
    gradients: new Map(gradients),
    probes: outputs.slice(1),
  };
}

/** Logits are within 1e-4 of the largest: the tolerance of all files. */
export function assertLogits(logits: tf.Tensor, { shape, data }: GoldenArray): void {
  assert.deepEqual(logits.shape, shape);
  assertClose(logits.dataSync(), data, { absolute: 1e-4 * maxAbs(data) }, 'logits');
}

/** A gradient as a golden file summarises it; not every file gives the sum of magnitudes. */
export type Summary = Omit<GradientSummary, 'abs_sum'> & { abs_sum?: number };

/** The part of a file's tolerances that the tests of networks read. */
export interface GradientTolerance {
  tolerance: { grads: string };
}

/**
 * The tolerance of the files for gradients affected by a rounding error at some ReLU's input near 0: norms within 2e-2,
 * the rest within 5e-2.
 */
const far = { norm: 2e-2, rest: 5e-2 };

/**
 * Compares gradients with their summaries within the file's `tolerance`: norms to 2e-3, sums and first entries to that
 * share of the norm (`sum` overrides it). If the file allows 2e-2 for a ReLU that a rounding error flips, the share
 * `turned` of the gradients may be off by `far`.
 */
export function assertGradients(
  goldens: readonly Summary[],
  gradientOf: (golden: string) => Float32Array,
  tolerance: string,
  { turned, sum: ofSum = 2e-3 }: { turned: number; sum?: number },
): void {
  const near = Number(/l2\S*(?: and abs_sum)? rel ([\d.e-]+)/.exec(tolerance)?.[1]);
  assert.equal(near, 2e-3, `'${tolerance}' is no tolerance of gradients that is known`);
  const within = ({ name, l2, sum, abs_sum, first }: Summary, norm: number, rest: number, ofSum: number): void => {
    const actual = summarise(name, gradientOf(name), first.length);
    assertClose([actual.l2], [l2], { relative: norm }, `${name} norm`);
    if (abs_sum !== undefined)
      assertClose([actual.abs_sum], [abs_sum], { relative: norm }, `${name} sum of magnitudes`);
    assertClose([actual.sum], [sum], { absolute: ofSum * l2 }, `${name} sum`);
    assertClose(actual.first, first, { absolute: rest * l2 }, `${name} first`);
  };
  const off = goldens.filter((golden) => {
    try {
      within(golden, near, near, ofSum);
      return false;
    } catch (error) {
      if (!tolerance.includes('2e-2')) throw error;
      within(golden, far.norm, far.rest, far.rest);
      return true;
    }
  });
  const names = off.map(({ name }) => name);
  assert.ok(names.length <= turned * goldens.length, `off: ${names.join(', ')}`);
}
