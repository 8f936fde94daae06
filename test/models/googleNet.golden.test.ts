import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend';
import { BatchNorm, expectedOpen, L0Gate, type CallOptions } from 'sparsebook/layers';
import { googleNet } from 'sparsebook/models';
import {
  activation,
  assertClose,
  fill,
  flatGolden,
  maxAbs,
  noise,
  readGolden,
  summarise,
  tensor,
  type GoldenArray,
  type GradientSummary,
} from '../goldens.ts';
import { useReferenceConvolution } from '../referenceConvolution.ts';
import { ourGateName, ourProbeName, ourWeightName } from './googleNetGolden.ts';
import { fillModel, weightsByName } from './modelWeights.ts';

interface Probe {
  name: string;
  mean: number;
  l2: number;
  first: number[];
}

interface Case {
  name: string;
  inputs: { labels?: number[]; gate_noise?: string | null };
  attrs: { batchnorm: string; gates: string; lambda_l0: number; gates_in_order: string[] };
  expected: {
    logits: GoldenArray;
    cross_entropy: number;
    loss: number;
    regularization?: number;
    grads: GradientSummary[];
    grads_exactly_zero_in_theory: string[];
    probes: Probe[];
    grad_qz_loga?: { name: string; grad: GoldenArray }[];
    running_stats_after?: Probe[];
    zero_masks?: number;
    full_masks?: number;
  };
}

// A ReLU's input so near 0 that a rounding error turns it changes more gradients than the file allows; so no Winograd here.
if (process.env.SPARSEBOOK_BACKEND) await useBackend({ winograd: false });
else await useReferenceConvolution();
const { cases, tables } = readGolden<Case>('googlenet_forward');
const image = fill({ shape: [2, 3, 32, 32], seed: 999, scale: 1.75, offset: 0 });

const gatesOf = (model: tf.LayersModel): L0Gate[] =>
  model.layers.filter((layer): layer is L0Gate => layer instanceof L0Gate);

for (const { name, inputs, attrs, expected } of cases) {
  test(`googlenet_forward ${name}`, () => {
    const gated = attrs.gates !== 'none (fixed open)';
    const model = googleNet({ gates: gated });
    fillModel(model, gated ? tables.gated : tables.ungated, ourWeightName);
    const x = activation(image);

    if (inputs.labels === undefined) {
      const logits = model.predict(x) as tf.Tensor;
      assertClose(logits.dataSync(), expected.logits.data, { absolute: 1e-4 * maxAbs(expected.logits.data) }, 'logits');
      const masks = gatesOf(model).flatMap((gate) => [...gate.inferenceMask().dataSync()]);
      assert.equal(masks.filter((m) => m === 0).length, expected.zero_masks);
      assert.equal(masks.filter((m) => m === 1).length, expected.full_masks);
      return;
    }

    const options: CallOptions = { training: true, noise: {} };
    attrs.gates_in_order.forEach((gate, g) => {
      const name = ourGateName(gate);
      const dim = (model.getLayer(name) as L0Gate).logAlpha.size;
      options.noise![name] = tensor(noise(1800 + g, [2, dim]));
    });
    for (const layer of model.layers) {
      if (layer instanceof BatchNorm) layer.frozen = attrs.batchnorm === 'running statistics';
    }

    const probed = tf.model({
      inputs: model.inputs,
      outputs: [
        ...model.outputs,
        ...expected.probes.map(({ name }) => model.getLayer(ourProbeName(name)).output as tf.SymbolicTensor),
      ],
    });
    const weights = weightsByName(model);
    let outputs: tf.Tensor[] = [];
    let parts: { crossEntropy: tf.Scalar; penalty: tf.Scalar } | undefined;
    const { value: loss, grads } = tf.variableGrads(() => {
      outputs = (probed.apply(x, options as Record<string, unknown>) as tf.Tensor[]).map((t) => tf.keep(t));
      const labels = tf.oneHot(inputs.labels!, 10);
      const crossEntropy = tf.losses.softmaxCrossEntropy(labels, outputs[0]).asScalar();
      const gates = gatesOf(model);
      const entries = gates.reduce((n, gate) => n + gate.logAlpha.size, 0);
      const open = gates.reduce((sum: tf.Tensor, gate) => sum.add(expectedOpen(gate.logAlpha)), tf.scalar(0));
      const penalty = open.div<tf.Scalar>(Math.max(1, entries));
      parts = { crossEntropy: tf.keep(crossEntropy), penalty: tf.keep(penalty) };
      return crossEntropy.add<tf.Scalar>(penalty.mul(attrs.lambda_l0));
    });

    const [logits, ...probes] = outputs;
    assertClose(logits.dataSync(), expected.logits.data, { absolute: 1e-4 * maxAbs(expected.logits.data) }, 'logits');
    assertClose(parts!.crossEntropy.dataSync(), [expected.cross_entropy], { absolute: 1e-4 }, 'cross entropy');
    assertClose(loss.dataSync(), [expected.loss], { absolute: 1e-4 }, 'loss');
    if (expected.regularization !== undefined) {
      assertClose(parts!.penalty.dataSync(), [expected.regularization], { relative: 1e-5 }, 'penalty');
    }
    expected.probes.forEach((probe, i) => {
      const flat = flatGolden(probes[i], 'activation');
      const { sum, l2 } = summarise(probe.name, flat);
      assertClose([sum / flat.length, l2], [probe.mean, probe.l2], { relative: 1e-4 }, probe.name);
      assertClose(flat.subarray(0, 3), probe.first, { absolute: 1e-4 * maxAbs(flat) }, `${probe.name} first`);
    });
    for (const { name, l2, first } of expected.running_stats_after ?? []) {
      const values = weights.get(ourWeightName(name))!.dataSync<'float32'>();
      const relative = { relative: 1e-5 };
      assertClose([summarise(name, values).l2], [l2], relative, name);
      assertClose(values.subarray(0, first.length), first, { ...relative, absolute: 1e-6 }, `${name} first`);
    }
    assertGradients(expected, (name) => flatGolden(grads[weights.get(ourWeightName(name))!.name], 'weight'));
  });
}

/** The tolerance of the file: nearly all tensors tightly, all of them loosely (a ReLU input at 0 may fall either way). */
function assertGradients(expected: Case['expected'], gradientOf: (name: string) => Float32Array): void {
  let tight = 0;
  for (const golden of expected.grads) {
    const actual = summarise(golden.name, gradientOf(golden.name), golden.first.length);
    const within = (relative: number, absolute: number): void => {
      const { name, l2, sum, abs_sum, first } = golden;
      assertClose([actual.l2, actual.abs_sum], [l2, abs_sum], { relative }, `${name} norms`);
      assertClose([actual.sum, ...actual.first], [sum, ...first], { absolute: absolute * l2 + 1e-6 }, name);
    };
    within(2e-2, 5e-2);
    try {
      within(2e-3, 2e-3);
      tight++;
    } catch {
      // counted below: at most 5 % of the tensors may be here
    }
  }
  assert.ok(tight >= 0.95 * expected.grads.length, `only ${tight} of ${expected.grads.length} gradients are close`);
  for (const name of expected.grads_exactly_zero_in_theory) assert.ok(maxAbs(gradientOf(name)) < 1e-4, name);
  for (const { name, grad } of expected.grad_qz_loga ?? []) {
    assertClose(gradientOf(name), grad.data, { absolute: 1e-3 * maxAbs(grad.data) }, name);
  }
}

interface Parameters {
  name: string;
  expected: {
    trainable_ungated: number;
    trainable_gated: number;
    gate_entries: number;
    gates: { name: string; dim: number }[];
    batchnorm_running_values: number;
    parameter_tensors_ungated: number;
    parameter_tensors_gated: number;
    inception_block_trainable_params: number[];
    conv_layers: number;
    bn_layers: number;
    parameters: { name: string; shape: number[]; count: number }[];
  };
}

for (const { name, expected } of readGolden<Parameters>('googlenet_params').cases) {
  test(`googlenet_params ${name}`, () => {
    const count = (weights: tf.LayersModel['weights']): number =>
      weights.reduce((n, w) => n + tf.util.sizeFromShape(w.shape as number[]), 0);
    const plain = googleNet();
    const gated = googleNet({ gates: true });
    assert.equal(count(plain.trainableWeights), expected.trainable_ungated);
    assert.equal(count(gated.trainableWeights), expected.trainable_gated);
    assert.equal(plain.trainableWeights.length, expected.parameter_tensors_ungated);
    assert.equal(gated.trainableWeights.length, expected.parameter_tensors_gated);
    assert.equal(count(plain.nonTrainableWeights), expected.batchnorm_running_values);
    assert.equal(plain.layers.filter((layer) => layer instanceof BatchNorm).length, expected.bn_layers);
    assert.equal(plain.layers.filter((layer) => layer.getClassName() === 'Conv2d').length, expected.conv_layers);
    const sizes = new Map(gatesOf(gated).map((gate) => [gate.name, gate.logAlpha.size]));
    assert.deepEqual(sizes, new Map(expected.gates.map(({ name, dim }) => [ourGateName(name), dim])));
    assert.equal(
      [...sizes.values()].reduce((a, b) => a + b),
      expected.gate_entries,
    );
    expected.inception_block_trainable_params.forEach((parameters, i) => {
      const ours = plain.trainableWeights.filter((w) => w.originalName.startsWith(`block${i + 1}_`));
      assert.equal(count(ours), parameters, `block ${i + 1}`);
    });
    const weights = weightsByName(gated);
    for (const { name, shape, count } of expected.parameters) {
      const ours = weights.get(ourWeightName(name));
      assert.ok(ours, name);
      assert.equal(ours.size, count, name);
      const order = shape.length === 4 ? [2, 3, 1, 0] : shape.length === 2 ? [1, 0] : [0];
      assert.deepEqual(
        ours.shape,
        order.map((axis) => shape[axis]),
        name,
      );
    }
  });
}
