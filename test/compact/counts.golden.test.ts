import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { completeCount, seedCount } from 'sparsebook/compact';
import type { L0Gate } from 'sparsebook/layers';
import { gatesOf } from 'sparsebook/graph';
import { googleNet } from 'sparsebook/models';
import { l0Sparsifier } from 'sparsebook/sparsity';
import { assertClose, fill, readGolden, tensor, type GoldenArray } from '../goldens.ts';
import { ourGateName, ourWeightName } from '../models/googleNetGolden.ts';

interface Case {
  name: string;
  inputs: { qz_loga: { gate: string; values: GoldenArray }[] };
  expected: {
    l0_count: number;
    full_count: number;
    sparsity: number;
    channels_open: number[];
    blocks: { c_in_l0: number; l0_count: number; full_count: number }[];
    regularization: number;
    complete_count: {
      trainable_left_without_gates: number;
      trainable_full: number;
      sparsity: number;
      bn_running_values_left: number;
    };
  };
}

await tf.setBackend('cpu');
const model = googleNet({ gates: true });
const sparsifier = l0Sparsifier(model, { lambda_l0: 1 });

for (const { name, inputs, expected } of readGolden<Case>('googlenet_sparsity').cases) {
  test(`googlenet_sparsity ${name}`, () => {
    assert.deepEqual(
      inputs.qz_loga.map(({ gate }) => ourGateName(gate)).sort(),
      gatesOf(model)
        .map((gate) => gate.name)
        .sort(),
    );
    for (const { gate, values } of inputs.qz_loga) {
      (model.getLayer(ourGateName(gate)) as L0Gate).logAlpha.assign(tensor(values) as tf.Tensor1D);
    }
    const masks = sparsifier.channelMasks();
    inputs.qz_loga.forEach(({ gate }, g) => {
      const mask = masks.get(ourGateName(gate).replace(/_gate$/, '_conv'))!;
      assert.equal(mask.filter((m) => m > 0).length, expected.channels_open[g], gate);
    });

    const seed = seedCount(model, masks);
    assert.deepEqual([seed.left, seed.full], [expected.l0_count, expected.full_count]);
    assertClose([seed.sparsity], [expected.sparsity], { absolute: 1e-6 }, 'sparsity');
    assert.deepEqual(
      seed.blocks.map(({ inputs, left, full }) => [inputs, left, full]),
      expected.blocks.map(({ c_in_l0, l0_count, full_count }) => [c_in_l0, l0_count, full_count]),
    );

    const complete = completeCount(model, masks);
    const wanted = expected.complete_count;
    assert.deepEqual([complete.left, complete.full], [wanted.trainable_left_without_gates, wanted.trainable_full]);
    assertClose([complete.sparsity], [wanted.sparsity], { absolute: 1e-6 }, 'complete sparsity');
    assert.equal(complete.runningValues.left, wanted.bn_running_values_left);

    const penalty = tf.tidy(() => sparsifier.penalty!().dataSync());
    assertClose(penalty, [expected.regularization], { relative: 1e-5 }, 'penalty');
  });
}

interface ForwardCase {
  name: string;
  expected: { cal_full_and_l0_param_num?: [number, number]; sparsity: number };
}

const { cases, tables } = readGolden<ForwardCase>('googlenet_forward');
for (const { name, expected } of cases.filter(({ expected }) => expected.cal_full_and_l0_param_num)) {
  test(`googlenet_forward ${name}: the seed count of its masks`, () => {
    for (const recipe of tables.gated.filter(({ name }) => name.endsWith('qz_loga'))) {
      (model.getLayer(ourWeightName(recipe.name).split('/')[0]) as L0Gate).logAlpha.assign(
        tensor(fill(recipe)) as tf.Tensor1D,
      );
    }
    const { left, full, sparsity } = seedCount(model, sparsifier.channelMasks());
    assert.deepEqual([left, full], expected.cal_full_and_l0_param_num);
    assertClose([sparsity], [expected.sparsity], { absolute: 1e-6 }, 'sparsity');
  });
}
