import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { gammaSummary, istaLayers, softThreshold } from 'sparsebook/sparsity';
import { Sgd } from 'sparsebook/training';
import { assertClose, readGolden, tensor, type GoldenArray, type GoldenCase } from '../goldens.ts';
import { networks, ourKernelLayer } from '../models/istaGolden.ts';

await tf.setBackend('cpu');

type Steps = GoldenCase<
  { gamma: GoldenArray; grads_per_step: GoldenArray[] },
  { flow_cost: number; learning_rate: number; l1_penalty: number },
  { threshold: number; gamma_after_step: GoldenArray[]; zeros_after_step: number[] }
>;
type Summary = GoldenCase<
  { layers: { cost: number; gamma: GoldenArray }[] },
  unknown,
  { group_lasso: number; edge_count: number; fake_sparsity: number }
>;

const prox = readGolden<Steps | Summary>('ista_prox').cases;
const isSummary = (golden: Steps | Summary): golden is Summary => 'layers' in golden.inputs;

for (const golden of prox) {
  test(`ista_prox ${golden.name}`, () => {
    if (isSummary(golden)) {
      const { group_lasso, fake_sparsity } = golden.expected;
      const { groupLasso, fakeSparsity } = gammaSummary(
        golden.inputs.layers.map(({ cost, gamma }) => ({ cost, gamma: gamma.data })),
      );
      assertClose([groupLasso, fakeSparsity], [group_lasso, fake_sparsity], { relative: 1e-5 }, 'summary');
      return;
    }
    const { inputs, attrs, expected } = golden;
    const { flow_cost, learning_rate, l1_penalty } = attrs;
    const gamma = tf.variable(tensor(inputs.gamma));
    const sgd = new Sgd({ lr: learning_rate });
    const threshold = flow_cost * learning_rate * l1_penalty;
    assertClose([threshold], [expected.threshold], { relative: 1e-6 }, 'threshold');
    inputs.grads_per_step.forEach((gradient, step) => {
      sgd.step([{ key: 'gamma', variable: gamma, gradient: tensor(gradient), lr: learning_rate }]);
      gamma.assign(softThreshold(gamma, threshold));
      const values = [...gamma.dataSync()];
      const wanted = expected.gamma_after_step[step].data;
      assertClose(values, wanted, { absolute: 1e-6 }, `gamma after step ${step + 1}`);
      assert.equal(values.filter((value) => value === 0).length, expected.zeros_after_step[step]);
      assert.deepEqual(
        values.map((value) => value === 0),
        wanted.map((value) => value === 0),
      );
    });
  });
}

interface Costs {
  name: string;
  expected: { penalised_layers: { layer: string; channels: number; cost: number }[]; edge_count: number };
}

for (const { name, expected } of readGolden<Costs>('ista_costs_params').cases) {
  test(`ista_costs_params ${name}: what a channel of each layer costs`, () => {
    const model = networks[name]();
    const layers = istaLayers(model, true);
    const wanted = expected.penalised_layers.filter(({ cost }) => cost > 0);
    assert.deepEqual(
      layers.map(({ target, gamma }) => [target.name, gamma.size]),
      wanted.map(({ layer, channels }) => [ourKernelLayer(layer), channels]),
    );
    const costs = layers.map(({ cost }) => cost);
    assertClose(
      costs,
      wanted.map(({ cost }) => cost),
      { absolute: 1e-12 },
      'costs',
    );
    const edges = layers.reduce((sum, { cost, gamma }) => sum + cost * gamma.size, 0);
    assertClose([edges], [expected.edge_count], { absolute: 1e-9 }, 'edge count');
    const byRule = istaLayers(model).map(({ cost }) => cost);
    assert.deepEqual(byRule, name === 'cnn4' ? [costs[0], costs[1], 7.75, costs[3]] : costs);
  });
}
