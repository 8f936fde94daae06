import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { gammaSummary, softThreshold } from 'sparsebook/sparsity/ista.js';
import { Sgd } from 'sparsebook/training/sgd.js';
import { assertClose, readGolden, tensor, useGoldensBackend, type GoldenArray, type GoldenCase } from '../goldens.ts';

await useGoldensBackend();

type Steps = GoldenCase<
  { gamma: GoldenArray; grads_per_step: GoldenArray[] },
  { flow_cost: number; learning_rate: number; l1_penalty: number },
  { threshold: number; gamma_after_step: GoldenArray[]; zeros_after_step: number[] }
>;
type Summary = GoldenCase<
  { layers: { name: string; cost: number; gamma: GoldenArray }[] },
  unknown,
  {
    group_lasso: number;
    edge_count: number;
    weighted_zero_edges: number;
    fake_sparsity: number;
    plain_zero_fraction: number;
  }
>;

const prox = readGolden<Steps | Summary>('ista_prox', ['inputs.layers[].name']).cases;
const isSummary = (golden: Steps | Summary): golden is Summary => 'layers' in golden.inputs;

for (const golden of prox) {
  test(`ista_prox ${golden.name}`, async () => {
    if (isSummary(golden)) {
      const { group_lasso, fake_sparsity, edge_count, weighted_zero_edges, plain_zero_fraction } = golden.expected;
      const layers = golden.inputs.layers.map(({ cost, gamma }) => ({ cost, gamma: gamma.data }));
      const { groupLasso, fakeSparsity } = gammaSummary(layers);
      const zeros = layers.map(({ gamma }) => gamma.filter((value) => value === 0).length);
      const [edges, zeroEdges, gammas] = [
        layers.reduce((sum, { cost, gamma }) => sum + cost * gamma.length, 0),
        layers.reduce((sum, { cost }, i) => sum + cost * zeros[i], 0),
        layers.reduce((sum, { gamma }) => sum + gamma.length, 0),
      ];
      assertClose(
        [groupLasso, fakeSparsity, edges, zeroEdges, zeros.reduce((a, b) => a + b) / gammas],
        [group_lasso, fake_sparsity, edge_count, weighted_zero_edges, plain_zero_fraction],
        { relative: 1e-5 },
        'summary',
      );
      return;
    }
    const { inputs, attrs, expected } = golden;
    const { flow_cost, learning_rate, l1_penalty } = attrs;
    const gamma = tf.variable(tensor(inputs.gamma));
    const sgd = new Sgd({ lr: learning_rate });
    const threshold = flow_cost * learning_rate * l1_penalty;
    assertClose([threshold], [expected.threshold], { relative: 1e-6 }, 'threshold');
    for (const [step, gradient] of inputs.grads_per_step.entries()) {
      sgd.step([{ key: 'gamma', variable: gamma, gradient: tensor(gradient), lr: learning_rate }]);
      gamma.assign(softThreshold(gamma, threshold));
      const values = [...(await gamma.data())];
      const wanted = expected.gamma_after_step[step].data;
      assertClose(values, wanted, { absolute: 1e-6 }, `gamma after step ${step + 1}`);
      assert.equal(values.filter((value) => value === 0).length, expected.zeros_after_step[step]);
      assert.deepEqual(
        values.map((value) => value === 0),
        wanted.map((value) => value === 0),
      );
    }
  });
}
