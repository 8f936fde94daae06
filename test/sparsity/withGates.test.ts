import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { compact } from 'sparsebook/compact/shrink/compact.js';
import { completeCount } from 'sparsebook/compact/counts.js';
import { gatesOf } from 'sparsebook/graph/gates.js';
import { leafLayers } from 'sparsebook/graph/names.js';
import { L0Gate } from 'sparsebook/layers/l0Gate.js';
import { resnet20 } from 'sparsebook/models/resnet20.js';
import { l0Sparsifier } from 'sparsebook/sparsity/l0.js';
import { withGates } from 'sparsebook/sparsity/withGates.js';
import { channelGraph } from 'sparsebook/graph/channelGraph.js';
import { channelCosts, channelSpan } from 'sparsebook/sparsity/channelSpan.js';
import { assertClose, maxAbs } from '../goldens.ts';
import { plainNetworks, randomWeights } from '../plainNetworks.ts';

await useBackend({ backend: 'simd' });
const { layers: l } = tf;
const inputShape = [8, 8, 3];

const outputsOf = (model: tf.LayersModel): Float32Array[] =>
  tf.tidy(() => {
    const x = model.inputs.map(({ shape }, i) =>
      tf.randomNormal([2, ...(shape.slice(1) as number[])], 0, 1, 'float32', i + 1),
    );
    return [model.predict(x)].flat().map((output) => output.dataSync<'float32'>());
  });

const gateNames = (model: tf.LayersModel): string[] => gatesOf(model).map(({ name }) => name);

/** A tf.sequential with layers that are gated by default, and layers that are not. */
const chain = (): tf.LayersModel =>
  tf.sequential({
    name: 'chain',
    layers: [
      l.conv2d({ name: 'a', filters: 4, kernelSize: 3, inputShape }),
      l.batchNormalization({ name: 'a_bn' }),
      l.reLU({ name: 'a_relu' }),
      l.maxPooling2d({ name: 'pool', poolSize: 2 }),
      l.conv2d({ name: 'one', filters: 1, kernelSize: 1 }),
      l.conv2d({ name: 'b', filters: 4, kernelSize: 1, activation: 'relu' }),
      l.flatten({ name: 'flat' }),
      l.dense({ name: 'o', units: 3 }),
      l.softmax({ name: 'p' }),
    ],
  });

/** Two convolutions whose sum is read once, or also by a further sum. */
const sums = (further: boolean): tf.LayersModel => {
  const input = tf.input({ shape: inputShape });
  const conv = (name: string, x: tf.SymbolicTensor): tf.SymbolicTensor =>
    l.conv2d({ name, filters: 4, kernelSize: 3, padding: 'same' }).apply(x) as tf.SymbolicTensor;
  const both = l.add({ name: 'sum' }).apply([conv('a', input), conv('b', input)]);
  let x = l.reLU({ name: 'relu' }).apply(both) as tf.SymbolicTensor;
  if (further) x = l.add({ name: 'stream' }).apply([x, conv('c', x)]) as tf.SymbolicTensor;
  const mean = l.globalAveragePooling2d({ name: 'mean' }).apply(x);
  return tf.model({
    name: 'sums',
    inputs: input,
    outputs: l.dense({ name: 'o', units: 2 }).apply(mean) as tf.SymbolicTensor,
  });
};

for (const [name, build] of Object.entries(plainNetworks)) {
  test(`open gates change nothing in ${name}, and the given network stays unchanged`, () => {
    const model = randomWeights(build());
    const before = outputsOf(model);
    const gated = withGates(model, { droprate_init: 0.001 });
    assert.equal(
      gated.countParams() - model.countParams(),
      gatesOf(gated).reduce((n, { logAlpha }) => n + logAlpha.size, 0),
    );
    assert.ok(gatesOf(gated).length > 0);
    outputsOf(gated).forEach((output, i) =>
      assertClose(output, before[i], { absolute: 1e-5 * maxAbs(before[i]) }, name),
    );
    const weight = gated.getLayer(gated.layers.find((layer) => layer.weights.length > 0)!.name).weights[0];
    weight.write(tf.zeros(weight.shape as number[]));
    outputsOf(model).forEach((output, i) => assert.deepEqual(output, before[i]));
    gated.dispose();
    assert.deepEqual(outputsOf(model)[0], before[0]);
    model.dispose();
  });
}

test('nested networks get their gates inside, and keep their names and frozen layers', () => {
  const model = plainNetworks.nested();
  const inner = model.layers.find((layer) => layer instanceof tf.LayersModel) as tf.LayersModel;
  inner.trainable = false;
  const gated = withGates(model);
  const copy = gated.getLayer(inner.name) as unknown as tf.LayersModel;
  assert.ok(copy instanceof tf.LayersModel);
  assert.equal(copy.layers.filter((layer) => layer instanceof L0Gate).length, 2);
  assert.ok(copy.layers.every((layer) => layer instanceof L0Gate || layer.trainableWeights.length === 0));
  assert.equal(gatesOf(gated).length, 4);
});

const places: [what: string, network: () => tf.LayersModel, where: Parameters<typeof withGates>[1], gates: string[]][] =
  [
    [
      'norm and activation come before the gate; outputs and lone channels get none',
      chain,
      {},
      ['a_relu_gate', 'b_gate'],
    ],
    ['a name', chain, { where: ['a'] }, ['a_gate']],
    ['a predicate', chain, { where: ({ name }) => name.startsWith('a_') }, ['a_bn_gate', 'a_relu_gate']],
    ['a sum that one kernel reads', () => sums(false), {}, ['relu_gate']],
    ['a name in a residual stream', () => sums(true), { where: ['c'] }, ['c_gate']],
    [
      'a residual network: the first of two convolutions in each block',
      () => resnet20({ widthMultiplier: 0.125 }),
      {},
      [1, 2, 3].flatMap((s) => [1, 2, 3].map((b) => `stage${s}_block${b}_first_bn_gate`)),
    ],
    [
      'a network with gates: only where there are none yet',
      () => withGates(chain(), { where: ['a_relu'] }),
      {},
      ['a_relu_gate', 'b_gate'],
    ],
  ];
for (const [what, network, options, gates] of places) {
  test(`gates are inserted where they can cut: ${what}`, () => {
    assert.deepEqual(gateNames(withGates(network(), options)), gates);
  });
}

test('gates start and draw as requested, from one seed', () => {
  const build = (seed: number): L0Gate[] =>
    gatesOf(withGates(chain(), { droprate_init: 0.1, sampling: 'batch', temperature: 0.5, seed })) as L0Gate[];
  const [one, same, other] = [build(1), build(1), build(2)];
  const values = (gates: L0Gate[]): number[] => gates.flatMap(({ logAlpha }) => [...logAlpha.dataSync()]);
  assert.deepEqual(values(one), values(same));
  assert.notDeepEqual(values(one), values(other));
  assert.equal(new Set(values(one)).size, values(one).length);
  const [{ droprate_init, sampling, hardConcrete }] = one;
  assert.deepEqual([droprate_init, sampling, hardConcrete.temperature], [0.1, 'batch', 0.5]);
});

const tower = (): tf.LayersModel => {
  const inner = plainNetworks.nested().layers.find((layer) => layer instanceof tf.LayersModel) as tf.LayersModel;
  const inputs = [1, 2].map(() => tf.input({ shape: [14, 14, 6] }));
  const both = l.concatenate().apply(inputs.map((input) => inner.apply(input) as tf.SymbolicTensor));
  const outputs = l.dense({ units: 2 }).apply(l.flatten().apply(both)) as tf.SymbolicTensor;
  return tf.model({ name: 'tower', inputs, outputs });
};
const twice = (): tf.LayersModel => {
  const input = tf.input({ shape: inputShape });
  const shared = l.conv2d({ name: 'shared', filters: 3, kernelSize: 1 });
  const x = shared.apply(shared.apply(input)) as tf.SymbolicTensor;
  return tf.model({
    name: 'twice',
    inputs: input,
    outputs: l.globalAveragePooling2d({}).apply(x) as tf.SymbolicTensor,
  });
};
const refusals: [network: () => tf.LayersModel, where: Parameters<typeof withGates>[1], message: RegExp][] = [
  [chain, { where: ['a_rely'] }, /where must name layers of chain; received 'a_rely'. Did you mean 'a_relu'\?/],
  [chain, { where: [] }, /where chooses no layer of chain. Gates can follow a, a_bn, a_relu, pool, one, b, flat\./],
  [chain, { where: () => false }, /where chooses no layer of chain/],
  [chain, { where: ['p'] }, /No gate can follow p: it gives channels that are an output/],
  [chain, { where: ['o'] }, /No gate can follow o: it gives channels that p hands on as an output/],
  [chain, { where: ['a_input'] }, /No gate can follow a_input: it is an input/],
  [
    () => sums(true),
    {},
    /In sums there is no place at which closing a gate would cut a channel. Name.*follow a, b, sum, relu, c, /,
  ],
  [
    () => tf.sequential({ name: 'lone', layers: [l.dense({ units: 2, inputShape: [4] })] }),
    {},
    /lone has no layer that a gate could follow/,
  ],
  [twice, {}, /The layer shared \(Conv2D\) must be used once; it is used 2 times/],
  [tower, {}, /The layer \w+ \((ReLU|Conv2D|BatchNormalization)\) must be used once; it is used 2 times/],
  [chain, { droprate_init: 1 }, /droprate_init must be a number above 0 and below 1/],
  [chain, { seed: 0.5 }, /seed must be a whole number; received 0.5/],
  [chain, { where: 'a' as never }, /where must be a list, each a layer's name; received 'a'/],
];
for (const [network, options, message] of refusals) {
  test(`refused: ${message.source.slice(0, 60)}`, () => {
    assert.throws(() => withGates(network(), options), { name: 'UserError', message });
  });
}

test("a channel's weight is what compaction saves if only its gate is closed", () => {
  const networks: [string, () => tf.LayersModel][] = [
    ['chain', chain],
    ['sums', () => sums(false)],
    ...['mobileNetV2', 'denseNet', 'uNet', 'squeezeExcite', 'twoInputsTwoHeads'].map(
      (name): [string, () => tf.LayersModel] => [name, plainNetworks[name]],
    ),
  ];
  for (const [name, build] of networks) {
    const model = withGates(randomWeights(build()));
    for (const gate of gatesOf(model)) gate.logAlpha.assign(tf.fill(gate.logAlpha.shape, 9));
    const { nodes } = channelGraph(model);
    const sizes = (): number[] => {
      const { model: small } = compact(model);
      const trained = small.trainableWeights.reduce((sum, weight) => sum + weight.read().size, 0);
      const { full } = completeCount(small).multiplyAdds;
      small.dispose();
      return [trained, full];
    };
    const all = sizes();
    for (const gate of gatesOf(model)) {
      const values = new Float32Array(gate.logAlpha.size).fill(9);
      values[1] = -9;
      gate.logAlpha.assign(tf.tensor1d(values));
      const node = nodes.find(({ layer }) => layer === gate)!;
      const { parameters, multiplyAdds } = channelCosts(node, channelSpan(node))[1];
      const saved = sizes().map((size, i) => all[i] - size);
      assert.deepEqual([parameters, multiplyAdds], saved, `${name}: ${gate.name}`);
      gate.logAlpha.assign(tf.fill([values.length], 9));
    }
  }
});

for (const join of ['add', 'concatenate', 'multiply'] as const) {
  test(`a channel that is also read without its gate stays open: ${join}`, () => {
    const input = tf.input({ shape: inputShape });
    const a = l.conv2d({ name: 'a', filters: 4, kernelSize: 3, activation: 'relu' }).apply(input) as tf.SymbolicTensor;
    const both = l[join]().apply([a, l.reLU({ name: 'relu' }).apply(a) as tf.SymbolicTensor]);
    const mean = l.globalAveragePooling2d({}).apply(both);
    const o = l.dense({ units: 2 }).apply(mean) as tf.SymbolicTensor;
    const model = withGates(randomWeights(tf.model({ inputs: input, outputs: o })), { where: ['relu'] });
    gatesOf(model)[0].logAlpha.assign(tf.tensor1d([9, -9, -9, 9]));
    const masks = l0Sparsifier(model, { lambda_l0: 1 }).channelMasks();
    assert.deepEqual([...masks.keys()], join === 'multiply' ? ['a'] : []);
    const [[wanted], [got]] = [model, compact(model, masks).model].map(outputsOf);
    assertClose(got, wanted, { absolute: 1e-5 * maxAbs(wanted) }, join);
  });
}

test('gates after a concatenation have the weights of its parts', () => {
  const input = tf.input({ shape: inputShape });
  const parts = [1, 3].map(
    (kernelSize) =>
      l.conv2d({ filters: 2, kernelSize, padding: 'same', useBias: false }).apply(input) as tf.SymbolicTensor,
  );
  const joined = l.concatenate({ name: 'both' }).apply(parts);
  const o = l.dense({ units: 5 }).apply(l.globalAveragePooling2d({}).apply(joined)) as tf.SymbolicTensor;
  const model = withGates(tf.model({ inputs: input, outputs: o }), { where: ['both'], droprate_init: 0.5 });
  const [gate] = gatesOf(model);
  const weights = [3 + 5, 3 + 5, 27 + 5, 27 + 5];
  const sparsifier = l0Sparsifier(model, { lambda_l0: 2, weighting: 'parameters' });
  const open = gate.probabilityNonZero().dataSync();
  const wanted = (2 * weights.reduce((sum, w, i) => sum + w * open[i], 0)) / weights.reduce((sum, w) => sum + w);
  assertClose(sparsifier.penalty!().dataSync(), [wanted], { relative: 1e-5 }, 'penalty');
  gate.logAlpha.assign(tf.tensor1d([9, -9, -9, 9]));
  assert.deepEqual(
    [...sparsifier.channelMasks().values()].map((mask) => [...mask]),
    [
      [1, 0],
      [0, 1],
    ],
  );
  assert.equal(leafLayers(compact(model).model).length, leafLayers(model).length - 1);
});
