// Networks made smaller and written in each format compute the same when they are read again.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import {
  compact,
  encodeOnnx,
  loadSafetensors,
  loadTfjs,
  saveOnnx,
  saveSafetensors,
  saveTfjs,
} from 'sparsebook/compact';
import { UserError } from 'sparsebook/errors.js';
import { decodeSafetensors } from 'sparsebook/formats';
import { gatesOf } from 'sparsebook/graph';
import { c3, cnn4, googleNet, resnet18, resnet20 } from 'sparsebook/models';
import { maxAbs } from '../../goldens.ts';
import { networkPlan, randomNetwork } from '../randomNetwork.ts';
import { runOnnx } from './onnxRuntime.ts';

await tf.setBackend('cpu');
const folder = mkdtempSync(join(tmpdir(), 'sparsebook-export-'));
after(() => rmSync(folder, { recursive: true }));

const logits = (model: tf.LayersModel, images: tf.Tensor): { shape: number[]; values: Float32Array } =>
  tf.tidy(() => {
    const y = model.predict(images) as tf.Tensor;
    return { shape: y.shape, values: y.dataSync<'float32'>() };
  });

type Output = ReturnType<typeof logits>;
function assertSame(got: Output, wanted: Output, what: string): void {
  assert.deepEqual(got.shape, wanted.shape);
  const difference = maxAbs(wanted.values.map((value, i) => value - got.values[i]));
  assert.ok(difference <= 1e-5 * maxAbs(wanted.values), `${what} differs by ${difference} of ${maxAbs(wanted.values)}`);
}

const width = { widthMultiplier: 0.125, seed: 3 };
const networks = {
  googleNet: () => googleNet({ ...width, gates: true }),
  resnet20: () => resnet20(width),
  cnn4: () => cnn4(width),
  c3: () => c3(width),
  resnet18: () => resnet18(width),
};

for (const [name, network] of Object.entries(networks)) {
  test(`${name}, compact: TensorFlow.js folder, safetensors and ONNX give the same logits`, async () => {
    const images = tf.randomNormal([2, 32, 32, 3], 0, 1, 'float32', 1);
    const whole = network();
    for (const gate of gatesOf(whole)) gate.logAlpha.assign(tf.randomNormal([gate.logAlpha.size], 0, 3, 'float32', 5));
    const first = whole.layers.find((layer) => /conv$/.test(layer.name))!;
    const channels = (first.outputShape as number[])[3];
    const masks = new Map([[first.name, Float32Array.from({ length: channels }, (_, c) => c % 2)]]);
    const { model } = compact(whole, masks);
    const wanted = logits(model, images);

    const path = join(folder, name);
    await saveTfjs(model, path);
    assert.deepEqual(logits(await loadTfjs(path), images), wanted);
    await saveSafetensors(model, `${path}.safetensors`);
    assert.deepEqual(logits(await loadSafetensors(`${path}.safetensors`), images), wanted);
    const weights = decodeSafetensors(readFileSync(`${path}.safetensors`), 'x');
    assert.deepEqual(new Set(weights.keys()), new Set(model.weights.map(({ originalName }) => originalName)));
    await saveOnnx(model, `${path}.onnx`);
    assertSame(await runOnnx(readFileSync(`${path}.onnx`), images), wanted, 'ONNX');
    assertSame(await runOnnx(encodeOnnx(whole), images), logits(whole, images), 'ONNX with gates');
    whole.dispose();
    model.dispose();
  });
}

test('30 random networks: onnxruntime computes what they compute', async () => {
  await fc.assert(
    fc.asyncProperty(networkPlan, async (plan) => {
      const { model, masks } = randomNetwork(plan);
      const { model: small } = compact(model, masks);
      const images = tf.randomNormal([2, plan.image, plan.image, 2], 0, 1, 'float32', 1);
      for (const network of [model, small]) {
        assertSame(await runOnnx(encodeOnnx(network), images), logits(network, images), network.name);
        network.dispose();
      }
    }),
    { numRuns: 30, seed: 2 },
  );
});

test('an image as output keeps our order in ONNX', async () => {
  const model = tf.sequential({
    layers: [
      tf.layers.zeroPadding2d({
        padding: [
          [1, 2],
          [0, 3],
        ],
        inputShape: [4, 5, 2],
      }),
      tf.layers.conv2d({ filters: 3, kernelSize: [3, 2], strides: [2, 1], dilationRate: 1 }),
      tf.layers.leakyReLU({ alpha: 0.2 }),
      tf.layers.elu(),
      tf.layers.activation({ activation: 'sigmoid' }),
      tf.layers.dense({ units: 2, activation: 'softmax' }),
    ],
  });
  const images = tf.randomNormal([2, 4, 5, 2]);
  assertSame(await runOnnx(encodeOnnx(model), images), logits(model, images), 'ONNX');
});

test('a border of zeros stays one in front of any window, also where all values are negative', async () => {
  const { layers: l } = tf;
  const inputShape = [3, 4, 2];
  const images = tf.randomUniform([2, ...inputShape], -3, -1, 'float32', 5);
  const behind: (() => tf.layers.Layer)[] = [
    () => l.maxPooling2d({ poolSize: 2, strides: 1 }),
    () => l.maxPooling2d({ poolSize: 3, strides: 2, padding: 'same' }),
    () => l.averagePooling2d({ poolSize: 2, strides: 1 }),
    () => l.conv2d({ filters: 2, kernelSize: 2 }),
    () => l.globalMaxPooling2d({}),
    () => l.reLU({}),
  ];
  for (const padding of [
    1,
    2,
    [
      [0, 3],
      [2, 0],
    ],
  ] as [number, number][][] | number[]) {
    for (const layer of behind) {
      const model = tf.sequential({ layers: [l.zeroPadding2d({ padding: padding as number, inputShape }), layer()] });
      assertSame(
        await runOnnx(encodeOnnx(model), images),
        logits(model, images),
        `${model.layers[1].name} ${String(padding)}`,
      );
    }
  }
});

test('what cannot be written or read is refused in a sentence', async () => {
  const refused = (act: () => Promise<unknown>, message: RegExp): Promise<void> =>
    assert.rejects(act, (e) => e instanceof UserError && message.test(e.message));
  const odd = tf.sequential({
    layers: [tf.layers.dense({ name: 'odd', units: 2, inputShape: [2], activation: 'hardSigmoid' })],
  });
  const path = join(folder, 'odd');
  await refused(
    () => saveOnnx(odd, path),
    /odd \(Dense\) cannot be written as ONNX: the activation hardSigmoid is not/,
  );
  assert.ok(!existsSync(path));
  await refused(() => loadTfjs(join(folder, 'absent')), /absent.model\.json cannot be read: ENOENT.* Check the path/);
  await refused(() => loadSafetensors(join(folder, 'absent')), /absent cannot be read: ENOENT/);
  await saveTfjs(odd, path);
  writeFileSync(join(path, 'model.json'), '{');
  await refused(() => loadTfjs(path), /model\.json is not JSON/);
  writeFileSync(join(path, 'model.json'), '{}');
  await refused(() => loadTfjs(path), /model\.json does not say where its weights are/);
  await saveSafetensors(odd, join(folder, 'whole'));
  const bytes = readFileSync(join(folder, 'whole'));
  writeFileSync(join(folder, 'half'), bytes.subarray(0, bytes.length - 4));
  await refused(() => loadSafetensors(join(folder, 'half')), /half is not a whole safetensors file/);
});
