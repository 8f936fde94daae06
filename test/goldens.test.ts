// Golden files of the same form as ours, but with other sizes, pass the golden tests; a file with fields or cases that
// no test knows is refused.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { gatesOf } from 'sparsebook/graph/gates.js';
import type { L0Gate } from 'sparsebook/layers/l0Gate.js';
import { l0Sparsifier } from 'sparsebook/sparsity/l0.js';
import { activation, noise, parseFill, summarise, tensor, type GoldenArray, type GoldenRecipe } from './goldens.ts';
import {
  filledNetwork,
  forwardPass,
  goldenNetworks,
  goldenWeight,
  type GoldenNetwork,
  type PassOptions,
} from './models/goldenNetworks.ts';

// Files of twenty forms are changed here; their tests declare their types.
/* eslint-disable @typescript-eslint/no-explicit-any, @typescript-eslint/no-unsafe-argument */
/* eslint-disable @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-call */
/* eslint-disable @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-return */
type Json = any;

const ours = join(import.meta.dirname, 'fixtures', 'goldens');
const folder = mkdtempSync(join(tmpdir(), 'goldens-'));
after(() => rmSync(folder, { recursive: true }));

/** Puts a changed copy of a file into the folder. */
function change(name: string, how: (file: Json) => void): void {
  const file = JSON.parse(readFileSync(join(ours, `${name}.json`), 'utf8'));
  how(file);
  writeFileSync(join(folder, `${name}.json`), JSON.stringify(file));
}

/** Runs golden tests on the folder; returns their output and whether they pass. */
function run(...tests: string[]): { passes: boolean; output: string } {
  const files = tests.map((name) => join(import.meta.dirname, `${name}.golden.test.ts`));
  const loader = join(import.meta.dirname, 'typescript.mjs');
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { status, stdout } = spawnSync(
    process.execPath,
    ['--import', loader, '--test', '--test-reporter=tap', ...files],
    {
      env: { ...env, SPARSEBOOK_GOLDENS: folder },
      encoding: 'utf8',
      maxBuffer: 2 ** 26,
    },
  );
  return { passes: status === 0, output: stdout };
}

/** Some entries along an axis. */
function take({ shape, dtype, data }: GoldenArray, axis: number, kept: number[]): GoldenArray {
  return tf.tidy(() => {
    const part = tf.gather(tensor({ shape, data }), kept, axis);
    return { shape: part.shape, dtype, data: [...part.dataSync()] };
  });
}

const stored = (values: Float32Array, shape: number[]): GoldenArray => ({ shape, dtype: 'float32', data: [...values] });

/** Makes a weight narrower, for grey images and seven classes. */
const narrow = (recipe: GoldenRecipe, by: number): GoldenRecipe => ({
  ...recipe,
  seed: recipe.seed + 1,
  shape: recipe.shape.map((n, axis) => (axis > 1 ? n : n === 3 ? 1 : n === 10 ? 7 : Math.max(1, Math.round(n / by)))),
});

const X = 'fill(seed=77, shape=[3,1,16,24], scale=1.5, offset=0)';
const LABELS = [6, 0, 2];

/** What our network computes from the images, in the form of a golden file. */
function computed(network: GoldenNetwork, model: tf.LayersModel, options: PassOptions = {}): Json {
  const pass = forwardPass(model, activation(parseFill(X)), LABELS, options);
  return {
    logits: stored(pass.logits.dataSync<'float32'>(), pass.logits.shape),
    cross_entropy: pass.crossEntropy.dataSync()[0],
    loss: pass.loss.dataSync()[0],
    gradientOf: (name: string) =>
      goldenWeight(model, network.ourName(name), pass.gradients.get(network.ourName(name))!),
    grads: (names: string[]) =>
      names.flatMap((name) => {
        const gradient = pass.gradients.get(network.ourName(name));
        return gradient ? [summarise(name, goldenWeight(model, network.ourName(name), gradient))] : [];
      }),
  };
}

test('networks of other widths, kernels, classes, batches, images and seeds pass', async () => {
  await useBackend({ backend: 'simd', winograd: false });
  cpSync(ours, folder, { recursive: true });
  const images = parseFill(X).shape;

  change('repr_vanilla_net', (file) => {
    const [forward] = file.cases;
    const kernel = (name: string, shape: number[]): GoldenRecipe => ({
      name,
      shape,
      seed: shape[0] + 9,
      scale: 0.2,
      offset: 0,
    });
    const tensors = [1, 2, 3].flatMap((n) => [
      kernel(`conv${n}.weight`, [n + 4, n === 1 ? 1 : n + 3, 5, 5]),
      kernel(`conv${n}.bias`, [n + 4]),
    ]);
    tensors.push(kernel('fc1.weight', [7, 7 * 16 * 24]), kernel('fc1.bias', [7]));
    const { logits, loss, grads } = computed(goldenNetworks.c3, filledNetwork(goldenNetworks.c3, tensors, { images }));
    forward.inputs = { x: X, labels: LABELS, tensors };
    forward.expected = { logits, loss, grads: grads(tensors.map(({ name }) => name)) };
    file.cases = [forward];
  });

  change('ista_nets_forward', (file) => {
    const [golden] = file.cases;
    const tensors = golden.inputs.tensors.map((recipe: GoldenRecipe) => narrow(recipe, 4));
    golden.inputs = { x: X, labels: LABELS, tensors };
    golden.attrs = { bn_eps: 1e-2, weight_decay: 1e-3 };
    for (const mode of Object.keys(golden.expected)) {
      const network = goldenNetworks.resnet20;
      const model = filledNetwork(network, tensors, { images, bn_eps: 1e-2 });
      const { logits, cross_entropy, loss, grads } = computed(network, model, {
        batchStatistics: mode === 'batch_statistics',
        weightDecay: 1e-3,
      });
      golden.expected[mode] = {
        logits,
        cross_entropy,
        loss_with_weight_decay: loss,
        grads_of_loss_with_weight_decay: grads(tensors.map(({ name }: GoldenRecipe) => name)),
      };
    }
    file.cases = [golden];
  });

  change('googlenet_forward', (file) => {
    file.tables.gated = file.tables.gated.map((recipe: GoldenRecipe) => narrow(recipe, 4));
    file.cases = file.cases.filter(({ name }: Json) => name === 'gated_noise_bn_eval');
    const [{ inputs, attrs, expected }] = file.cases;
    const network = goldenNetworks.googleNet;
    const model = filledNetwork(network, file.tables.gated, { images, gates: true, bn_eps: attrs.bn_eps });
    Object.assign(inputs, { x: X, labels: LABELS, gate_noise: 'noise(seed=50+g, shape=[3, dim of gate g])' });
    attrs.lambda_l0 = 2;
    const sparsifier = l0Sparsifier(model, { lambda_l0: 2 });
    const gates: L0Gate[] = gatesOf(model) as L0Gate[];
    const names = attrs.gates_in_order.map((gate: string) => network.ourName(`${gate}.qz_loga`).split('/')[0]);
    const made = computed(network, model, {
      batchStatistics: false,
      penalty: () => sparsifier.penalty!(),
      call: {
        noise: Object.fromEntries(
          gates.map(({ name, logAlpha }) => [name, tensor(noise(50 + names.indexOf(name), [3, logAlpha.size]))]),
        ),
      },
    });
    const { logits, cross_entropy, loss } = made;
    Object.assign(expected, { logits, cross_entropy, loss, probes: [] });
    expected.regularization = sparsifier.penalty!().dataSync()[0] / 2;
    expected.grads = made.grads(expected.grads.map(({ name }: GoldenRecipe) => name));
    for (const each of expected.grad_qz_loga) {
      const values = made.gradientOf(each.name);
      each.grad = stored(values, [values.length]);
    }
  });

  const { passes, output } = run('models/c3', 'models/istaNets', 'models/googleNet');
  assert.ok(passes, output);
});

test('files with fewer images, channels, parameters, epochs and rows, or in other orders, pass', () => {
  cpSync(ours, folder, { recursive: true });

  change('l0_original_layers', (file) => {
    for (const { inputs, expected } of file.cases) {
      for (const part of [inputs, expected]) {
        for (const key of [
          'x',
          'noise_local_rep',
          ...Object.keys(expected).filter((key) => key.startsWith('output_')),
        ]) {
          if (key in part) part[key] = take(part[key], 0, [1]);
        }
      }
    }
  });
  change('ista_compaction', (file) => {
    for (const { inputs, expected } of file.cases) {
      inputs.x = take(inputs.x, 0, [1]);
      for (const key of Object.keys(expected)) {
        if (key.startsWith('logits')) expected[key] = take(expected[key], 0, [1]);
      }
      const off = expected.logits_full.data.map((v: number, i: number) =>
        Math.abs(v - expected.logits_compact.data[i]),
      );
      expected.max_abs_logit_difference_full_vs_compact = Math.max(...off);
    }
  });
  change('optimizers', (file) => {
    for (const { inputs, attrs, expected } of file.cases) {
      if (inputs.params) {
        const first = (list: GoldenArray[]): GoldenArray[] => list.slice(0, 1);
        inputs.params = first(inputs.params);
        inputs.grads_per_step = inputs.grads_per_step.slice(0, 2).map(first);
        expected.params_after_step = expected.params_after_step.slice(0, 2).map(first);
      }
      if (attrs.epochs) expected.lr_used_in_epoch.length = attrs.epochs = 70;
    }
  });
  change('ista_prox', (file) => {
    for (const { inputs, expected } of file.cases.filter(({ inputs }: Json) => 'gamma' in inputs)) {
      const some = (array: GoldenArray): GoldenArray => take(array, 0, [4, 0, 2, 1]);
      inputs.gamma = some(inputs.gamma);
      inputs.grads_per_step = inputs.grads_per_step.map(some);
      expected.gamma_after_step = expected.gamma_after_step.map(some);
      expected.zeros_after_step = expected.gamma_after_step.map(
        ({ data }: GoldenArray) => data.filter((v) => v === 0).length,
      );
    }
  });
  change('prune_masks', (file) => {
    for (const { inputs, expected } of file.cases.filter(({ inputs }: Json) => 'weights' in inputs)) {
      for (const list of [
        inputs.weights,
        expected.effective_weights,
        ...expected.after_each_call.map(({ masks }: Json) => masks),
      ]) {
        list.reverse();
      }
    }
  });
  change('l0_gate', (file) => {
    file.cases = file.cases.filter(({ expected }: Json) => 'stretched' in expected);
    for (const { inputs, attrs, expected } of file.cases) {
      for (const part of [inputs, expected]) {
        for (const [key, array] of Object.entries<GoldenArray>(part)) {
          const axis = array.shape?.length > 1 ? 1 : 0;
          if (array.shape) part[key] = take(array, axis, [2, 0]);
        }
      }
      for (const mode of ['', 'eval_']) {
        const y: number[] = expected[`${mode}output`].data;
        expected[`${mode}loss`] = y.reduce((sum, v, i) => sum + v * inputs.loss_coef.data[i] + (v * v) / 2, 0);
      }
      const open = expected.probability_non_zero.data.reduce((sum: number, p: number) => sum + p, 0);
      expected.regularization = attrs.lamba * open;
    }
  });
  const images = ['hflip', 'normalize_train_set'];
  change('image_prep', (file) => {
    const rows = (array: GoldenArray): GoldenArray => take(array, 0, [3, 4, 5, 6, 7, 9, 11]);
    const image = (file.image_main = take(rows(file.image_main), 1, [0, 2, 3, 8, 9, 30]));
    const [height, width] = image.shape;
    file.cases = file.cases.filter(({ name }: Json) => images.includes(name));
    const at = (y: number, x: number, k: number): number => image.data[(y * width + x) * 3 + k];
    const each = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
    const [hflip, normalised] = file.cases;
    const flipped = each(height).flatMap((y) =>
      each(width).flatMap((x) => each(3).map((k) => at(y, width - 1 - x, k))),
    );
    hflip.expected = {
      first_row_uint8: { shape: [width, 3], dtype: 'uint8', data: flipped.slice(0, width * 3) },
      crc_sum: flipped.reduce((sum, v, i) => sum + v * ((i % 97) + 1), 0),
    };
    const { mean, std } = normalised.attrs;
    const planes = each(3).map((k) =>
      each(height).map((y) => each(width).map((x) => (at(y, x, k) / 255 - mean[k]) / std[k])),
    );
    const means = planes.map((plane) => plane.flat().reduce((a, b) => a + b) / (height * width));
    const array = (data: number[], shape: number[]): GoldenArray => ({ shape, dtype: 'float32', data });
    normalised.expected = {
      tensor_chw_rows_2_and_6: array(
        planes.flatMap((plane) => [...plane[2], ...plane[6]]),
        [3, 2, width],
      ),
      channel_mean: array(means, [3]),
      channel_std_population: array(
        planes.map((plane, k) =>
          Math.sqrt(plane.flat().reduce((sum, v) => sum + (v - means[k]) ** 2, 0) / (height * width)),
        ),
        [3],
      ),
    };
  });

  const tests = [
    'layers/originalLayers',
    'layers/l0Gate',
    'compact/compaction',
    'training/optimizers',
    'data/imagePrep',
  ];
  const { passes, output } = run(...tests, 'sparsity/ista', 'sparsity/prune');
  assert.ok(passes, output);
});

test('a wrong number, an unknown field and an unknown kind of case are refused by name', () => {
  cpSync(ours, folder, { recursive: true });
  change('repr_schedule', (file) => file.cases[0].expected.prune_before_epoch.pop());
  change('repr_null_space', (file) => (file.cases[1].expected.condition_number = 3));
  change('optimizers', (file) => (file.cases[0].expected = { momentum_after_step: [1] }));
  const { passes, output } = run('sparsity/repr', 'training/optimizers');
  assert.ok(!passes);
  assert.match(output, /not ok \d+ - repr_schedule S1_20_S2_10_epochs_100/);
  assert.match(
    output,
    /repr_null_space\.json has fields that no test reads: with_zero_rows\.expected\.condition_number/,
  );
  assert.match(output, /the case adamw_default expects none of params_after_step, lr_used_in_epoch, lr_at_step/);
});
