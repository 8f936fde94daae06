// Settings that would train on nothing, or on the wrong thing, are refused before the first step.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { loadSafetensors, saveSafetensors } from 'sparsebook/compact/export/safetensors.js';
import { loadTfjs, saveTfjs } from 'sparsebook/compact/export/tfjs.js';
import type { ImageSet } from 'sparsebook/data/imageSet.js';
import { L0Gate } from 'sparsebook/layers/l0Gate.js';
import { magnitudeSparsifier } from 'sparsebook/sparsity/magnitude.js';
import { AdamW } from 'sparsebook/training/adam.js';
import { evaluate } from 'sparsebook/training/evaluate.js';
import { layerGradients } from 'sparsebook/training/layerGradients.js';
import { train, type TrainingOptions } from 'sparsebook/training/train.js';
import { WeightAverages } from 'sparsebook/training/weightAverages.js';
import type { TrainingEvent } from 'sparsebook/training/events.js';
import { loadCheckpoint } from 'sparsebook/training/checkpoint/loadCheckpoint.js';
import { resumeFrom, takeState } from 'sparsebook/training/checkpoint/trainedState.js';
import { saveCheckpoint } from 'sparsebook/training/checkpoint/saveCheckpoint.js';
import { firstNonFinite } from 'sparsebook/training/faults.js';
import { colours } from './small.ts';

await tf.setBackend('cpu');
const folder = await mkdtemp(join(tmpdir(), 'check-'));
after(() => rm(folder, { recursive: true }));
const { layers: l } = tf;
const set = colours(6);

async function trained(options: Omit<TrainingOptions, 'epochs'>): Promise<TrainingEvent[]> {
  const events: TrainingEvent[] = [];
  for await (const event of train({ epochs: 1, batchSize: 4, ...options })) events.push(event);
  return events;
}

const labelled = (labels: ArrayLike<number>): ImageSet => ({ ...set, labels: labels as Uint8Array });
const net = (classes = 3, inputShape = [32, 32, 3]): tf.LayersModel =>
  tf.sequential({ name: 'net', layers: [l.flatten({ inputShape }), l.dense({ name: 'o', units: classes })] });
const images = tf.input({ shape: [32, 32, 3] });
const flat = l.flatten().apply(images) as tf.SymbolicTensor;
const [one, two] = [1, 2].map((units) => l.dense({ units }).apply(flat) as tf.SymbolicTensor);

const refusals: [what: string, model: tf.LayersModel, set: ImageSet, message: RegExp][] = [
  [
    'a label beyond the outputs',
    net(2),
    labelled([0, 1, 2, 0, 1, 0]),
    /0 to 1 for the 2 of net; image 2 of .* label 2\. Build/,
  ],
  ['a negative label', net(), labelled([0, -1, 2, 0, 1, 0]), /image 1 of .* has the label -1/],
  ['a label between two classes', net(), labelled([0, 0.5, 2, 0, 1, 0]), /has the label 0.5/],
  ['a label that is not a number', net(), labelled([0, NaN, 2, 0, 1, 0]), /has the label NaN/],
  ['one label too many', net(), labelled([0, 1, 2, 0, 1, 0, 1]), /18432 bytes and 7 labels/],
  ['half an image', net(), { ...set, images: set.images.subarray(0, 5000) }, /5000 bytes and 6 labels/],
  ['no images', net(), { ...set, images: new Uint8Array(0), labels: new Uint8Array(0) }, /must have images/],
  ['a network for smaller images', net(3, [28, 28, 1]), set, /net takes, \[N, 28, 28, 1\]; .* have \[N, 32, 32, 3\]/],
  [
    'a network for flat rows',
    tf.sequential({ name: 'net', layers: [l.dense({ units: 3, inputShape: [3072] })] }),
    set,
    /net takes, \[N, 3072\]; .* have \[N, 32, 32, 3\]/,
  ],
  [
    'images of another shape',
    net(),
    { ...set, shape: [16, 64, 3] },
    /net takes, \[N, 32, 32, 3\]; .* have \[N, 16, 64, 3\]/,
  ],
  ['images of no size', net(), { ...set, shape: [0, 8, 1] }, /The shape of .* must be \[height, width, channels\]/],
  ['two inputs', tf.model({ inputs: [images, tf.input({ shape: [1] })], outputs: one }), set, /2 inputs and 1 outputs/],
  ['two outputs', tf.model({ inputs: images, outputs: [one, two] }), set, /1 inputs and 2 outputs/],
  [
    'an image as output',
    tf.model({ inputs: images, outputs: l.reLU().apply(images) as tf.SymbolicTensor }),
    set,
    /must give logits/,
  ],
  ...['sigmoid', 'tanh', 'relu6'].map((activation): (typeof refusals)[number] => [
    `outputs bounded by ${activation}`,
    tf.sequential({
      name: 'net',
      layers: [
        l.flatten({ inputShape: [32, 32, 3] }),
        l.dense({ units: 3, name: 'head', activation: activation as 'sigmoid' }),
      ],
    }),
    set,
    new RegExp(`net must give logits or .*; its last layer head ends with ${activation}\\. Leave that activation out`),
  ]),
];
for (const [what, model, wrong, message] of refusals) {
  test(`${what}: refused by training, validation and evaluation`, async () => {
    const before = model.getWeights().map((weight) => weight.dataSync());
    await assert.rejects(trained({ model, data: { train: wrong } }), { name: 'UserError', message });
    await assert.rejects(trained({ model, data: { train: set, validation: wrong } }), { name: 'UserError' });
    await assert.rejects(evaluate(model, wrong), { name: 'UserError', message });
    model.getWeights().forEach((weight, i) => assert.deepEqual(weight.dataSync(), before[i]));
  });
}

test('a network of one class is always right, with a loss of 0', async () => {
  const only = labelled(new Uint8Array(6));
  const model = net(1);
  assert.deepEqual(await evaluate(model, only), { loss: 0, accuracy: 1 });
  assert.equal((await trained({ model, data: { train: only } })).at(-1)?.type, 'end');
});

test('looking at a training pass leaves running statistics of every class of layer and the draws of gates unchanged', async () => {
  const model = tf.sequential({
    layers: [
      l.conv2d({ filters: 2, kernelSize: 8, strides: 8, inputShape: [32, 32, 3] }),
      l.batchNormalization({}),
      new L0Gate({ name: 'gate' }),
      l.globalAveragePooling2d({}),
      l.dense({ units: 3 }),
    ],
  });
  const state = (): unknown => [
    model.getWeights().map((weight) => [...weight.dataSync()]),
    (model.getLayer('gate') as L0Gate).draws,
  ];
  const before = state();
  assert.equal(await firstNonFinite(model, tf.ones([2, 32, 32, 3])), undefined);
  assert.deepEqual(state(), before);
  await layerGradients(model, set);
  assert.deepEqual(state(), before);
});

/** A nested network per name, all with equal layer names. */
function towers(names = ['left', 'right']): tf.LayersModel {
  const x = tf.input({ shape: [32, 32, 3] });
  const parts = names.map((name) => {
    const i = tf.input({ shape: [32, 32, 3] });
    const conv = l.conv2d({ name: 'conv', filters: 2, kernelSize: 8, strides: 8 }).apply(i);
    const norm = l.batchNormalization({ name: 'bn' }).apply(conv);
    const outputs = l.globalAveragePooling2d({ name: 'mean' }).apply(norm) as tf.SymbolicTensor;
    return tf.model({ name, inputs: i, outputs }).apply(x) as tf.SymbolicTensor;
  });
  const logits = l.dense({ name: 'o', units: 3 }).apply(l.concatenate({ name: 'both' }).apply(parts));
  return tf.model({ inputs: x, outputs: logits as tf.SymbolicTensor, name: 'towers' });
}

test('two nested networks with equal layer names are both trained, averaged, pruned and saved', async () => {
  const model = towers();
  const before = model.getWeights().map((weight) => weight.dataSync().slice());
  const averages = new WeightAverages(model);
  const optimizer = new AdamW({ lr: 0.1 });
  const sparsifier = magnitudeSparsifier(model);
  sparsifier.prune(0.25);
  await trained({ model, data: { train: set }, optimizer, averages, sparsifier });
  model.getWeights().forEach((weight, i) => assert.notDeepEqual(weight.dataSync(), before[i], model.weights[i].name));
  const masks = sparsifier.weightMasks!();
  assert.deepEqual([...masks.keys()].sort(), ['left/conv/kernel', 'o/kernel', 'right/conv/kernel']);

  const parts = { model, optimizer, sparsifier, averages };
  const state = { ...(await takeState(parts)), step: 2, epoch: 1, settings: {} };
  const saved = await saveCheckpoint(folder, 'towers', state);
  const other = towers();
  const again = {
    model: other,
    optimizer: new AdamW({ lr: 0.1 }),
    sparsifier: magnitudeSparsifier(other),
    averages: new WeightAverages(other),
  };
  assert.equal(resumeFrom(await loadCheckpoint(saved), again), 2);
  const file = join(folder, 'towers.safetensors');
  await saveSafetensors(model, file);
  for (const copy of [other, await loadSafetensors(file)]) {
    copy.getWeights().forEach((weight, i) => assert.deepEqual(weight.dataSync(), model.getWeights()[i].dataSync()));
  }
  assert.deepEqual(await again.averages.state(), await averages.state());
  assert.deepEqual(again.sparsifier.weightMasks!(), masks);
  await saveTfjs(model, join(folder, 'net'));
  const shown = tf.ones([1, 32, 32, 3]);
  const [logits, loaded] = [model, await loadTfjs(join(folder, 'net'))].map((net) => net.predict(shown) as tf.Tensor);
  assert.deepEqual(loaded.dataSync(), logits.dataSync());
});
