// Networks written as TensorFlow.js folders and as safetensors compute the same after they are read again: here, and by
// TensorFlow.js without this package.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { compact } from 'sparsebook/compact/shrink/compact.js';
import { encodeOnnx } from 'sparsebook/compact/export/onnx.js';
import { loadSafetensors, saveSafetensors } from 'sparsebook/compact/export/safetensors.js';
import { loadTfjs, saveTfjs } from 'sparsebook/compact/export/tfjs.js';
import { UserError } from 'sparsebook/errors.js';
import { decodeSafetensors } from 'sparsebook/formats/safetensors.js';
import { gatesOf } from 'sparsebook/graph/gates.js';
import { BatchNorm } from 'sparsebook/layers/batchNorm.js';
import { BiasMap } from 'sparsebook/layers/biasMap.js';
import { Conv2d } from 'sparsebook/layers/conv2d.js';
import { GatedConv2d } from 'sparsebook/layers/gatedConv2d.js';
import { L0Gate } from 'sparsebook/layers/l0Gate.js';
import { MaxPool2d } from 'sparsebook/layers/maxPool2d.js';
import { c3 } from 'sparsebook/models/c3.js';
import { cnn4 } from 'sparsebook/models/cnn4.js';
import { googleNet } from 'sparsebook/models/googleNet.js';
import { resnet18 } from 'sparsebook/models/resnet18.js';
import { resnet20 } from 'sparsebook/models/resnet20.js';
import type { Gate } from 'sparsebook/layers/gate.js';
import { skipWithoutChromium } from '../../notebook/report/chromium.ts';
import { plainNetworks, randomWeights } from '../../plainNetworks.ts';
import { outputsOfOnnx } from './onnxRuntime.ts';
import { assertSame, outputsOf, someInputs } from './outputs.ts';
import { assertRead, readInChromium, readInNode, saveWithInputs, type Saved } from './stockTfjs.ts';

await tf.setBackend('cpu');
const folder = mkdtempSync(join(tmpdir(), 'sparsebook-export-'));
after(() => rmSync(folder, { recursive: true }));
const { layers: l } = tf;
type Symbolic = tf.SymbolicTensor;

const width = { widthMultiplier: 0.125, seed: 3 };
const own = {
  googleNet: () => googleNet({ ...width, gates: true }),
  resnet20: () => resnet20(width),
  cnn4: () => cnn4(width),
  c3: () => c3(width),
  resnet18: () => resnet18(width),
};

/**
 * The compact network with every second channel closed: batch norms leave constants there, which need a bias map at
 * borders.
 */
function compacted(model: tf.LayersModel): tf.LayersModel {
  randomWeights(model);
  for (const gate of gatesOf(model)) gate.logAlpha.assign(tf.randomNormal([gate.logAlpha.size], 0, 3, 'float32', 5));
  const convolutions = model.layers.filter((layer) => /conv$/.test(layer.name));
  const masks = new Map(
    convolutions.map(({ name, outputShape }) => {
      const channels = (outputShape as number[])[3];
      return [name, Float32Array.from({ length: channels }, (_, c) => c % 2)] as const;
    }),
  );
  const { model: small } = compact(model, masks);
  model.dispose();
  return small;
}

/** The outputs and classes of each network when it was saved. */
const wanted = new Map<string, Saved>();

/** Saves a network with inputs for it; returns which of our classes a reader must know. */
async function save(name: string, model: tf.LayersModel): Promise<string[]> {
  const path = join(folder, name);
  const inputs = someInputs(model);
  const saved = await saveWithInputs(model, path, inputs);
  wanted.set(name, saved);
  const back = await loadTfjs(path);
  assertSame(outputsOf(back, inputs), saved.outputs, `${name}, loaded here`);
  back.dispose();
  tf.dispose(inputs);
  return saved.classes;
}

for (const [name, network] of Object.entries(own)) {
  test(`${name}, made compact, is the same in a TensorFlow.js folder without our classes, and in safetensors`, async () => {
    const model = compacted(network());
    assert.equal(
      model.layers.some((layer) => layer instanceof BiasMap),
      name !== 'c3',
    );
    const before = tf.memory().numTensors;
    assert.deepEqual(await save(name, model), []);
    assert.equal(tf.memory().numTensors, before);

    const inputs = someInputs(model);
    const path = join(folder, `${name}.safetensors`);
    await saveSafetensors(model, path);
    assert.deepEqual(outputsOf(await loadSafetensors(path), inputs), wanted.get(name)!.outputs);
    const weights = decodeSafetensors(readFileSync(path), 'x');
    assert.deepEqual(new Set(weights.keys()), new Set(model.weights.map(({ originalName }) => originalName)));
    assertSame(await outputsOfOnnx(encodeOnnx(model), inputs), wanted.get(name)!.outputs, 'ONNX');
    model.dispose();
  });
}

test('the plain networks are saved unchanged', async () => {
  for (const [name, network] of Object.entries(plainNetworks)) {
    const model = randomWeights(network());
    assert.deepEqual(await save(name, model), []);
    const json = JSON.parse(readFileSync(join(folder, name, 'model.json'), 'utf8')) as { modelTopology: object };
    assert.deepEqual(json.modelTopology, JSON.parse(JSON.stringify(model.toJSON(null, false))));
    model.dispose();
  }
});

const border: [[number, number], [number, number]] = [
  [0, 2],
  [1, 0],
];
const onImages = (...layers: tf.layers.Layer[]): tf.LayersModel => {
  const input = tf.input({ shape: [9, 8, 3] });
  const output = layers.reduce((x, layer) => layer.apply(x) as Symbolic, input);
  return randomWeights(tf.model({ inputs: input, outputs: output }));
};

const edge = (n: number, first: number[], last: number[]): number[] =>
  Array.from({ length: n }, (_, i) => first[i] ?? last[i - n + last.length] ?? first.length);

/** Our own layers, and the classes among them that stay in the file. */
const cases: Record<string, [model: () => tf.LayersModel, classes: string[]]> = {
  'a border of any kind': [
    () =>
      onImages(
        new Conv2d({ filters: 3, kernelSize: 3, padding: border, strides: 2 }),
        new Conv2d({ filters: 2, kernelSize: 3, padding: 1, activation: 'relu' }),
        new MaxPool2d({ poolSize: 3, padding: border, strides: 2 }),
        new Conv2d({ filters: 2, kernelSize: 1, padding: 0, useBias: false }),
      ),
    [],
  ],
  norms: [
    () =>
      onImages(
        new BatchNorm({ epsilon: 0.01, activation: 'relu' }),
        new BatchNorm({ scale: false }),
        l.flatten(),
        new BatchNorm({ center: false }),
      ),
    [],
  ],
  'a border in front of values that may be negative': [
    () => onImages(new BatchNorm({}), new MaxPool2d({ poolSize: 3, padding: 1, strides: 2 })),
    ['MaxPool2d'],
  ],
  'a border that is that of same, in front of such values': [
    () => onImages(new BatchNorm({}), new MaxPool2d({ poolSize: 3, padding: 1, strides: 1 })),
    [],
  ],
  'open gates': [
    () => {
      const model = onImages(new L0Gate({ fixedOpen: true }), new GatedConv2d({ filters: 2, kernelSize: 2 }));
      for (const { logAlpha } of model.layers as Partial<Gate>[]) logAlpha?.assign(tf.fill(logAlpha.shape, 3));
      return model;
    },
    [],
  ],
  gates: [
    () => onImages(new L0Gate({ name: 'gate' }), new GatedConv2d({ filters: 2, kernelSize: 2, padding: 1 })),
    ['GatedConv2d', 'L0Gate'],
  ],
  'maps of biases': [
    () =>
      onImages(
        new BiasMap({ rows: edge(9, [0, 1], [3]), columns: edge(8, [0], [2, 3, 1]) }),
        new BiasMap({ rows: edge(9, [], []), columns: edge(8, [0], []) }),
        new BiasMap({ rows: [0, 1, 2, 3, 4, 5, 6, 7, 8], columns: edge(8, [], []) }),
      ),
    [],
  ],
  'a map over vectors': [() => onImages(l.flatten(), new BiasMap({ rows: [0], columns: [0] })), ['BiasMap']],
  'layers used at two places': [
    () => {
      const [a, b] = [tf.input({ shape: [8, 8, 2] }), tf.input({ shape: [7, 7, 2] })];
      const conv = new Conv2d({ filters: 2, kernelSize: 4, strides: 2, padding: 1, activation: 'relu' });
      const norm = l.batchNormalization();
      const outputs = [a, b].map((x) => norm.apply(conv.apply(x)) as Symbolic);
      return randomWeights(tf.model({ inputs: [a, b], outputs }));
    },
    [],
  ],
  'towers whose layers have equal names': [
    () => {
      const tower = (name: string): tf.LayersModel => {
        const x = tf.input({ shape: [6, 6, 2], name: 'in' });
        const y = l.conv2d({ name: 'conv', filters: 2, kernelSize: 3 }).apply(x) as Symbolic;
        return tf.model({ name, inputs: x, outputs: y });
      };
      const x = tf.input({ shape: [6, 6, 2] });
      const both = [tower('left'), tower('right')].map((each) => each.apply(x) as Symbolic);
      return randomWeights(tf.model({ inputs: x, outputs: l.concatenate().apply(both) as Symbolic }));
    },
    [],
  ],
};

test('each of our layers becomes standard layers, or its class is named', async () => {
  for (const [what, [network, classes]] of Object.entries(cases)) {
    const model = network();
    assert.deepEqual(await save(what.replaceAll(' ', '_'), model), classes, what);
    model.dispose();
  }
  const { layers } = await loadTfjs(join(folder, 'norms'));
  const { epsilon, momentum, scale } = layers
    .find((layer) => layer.getClassName() === 'BatchNormalization')!
    .getConfig();
  assert.deepEqual([epsilon, momentum, scale], [0.01, 0.9, true]);
});

test('a Node process with TensorFlow.js alone reads all folders and computes the same', async () => {
  assert.ok(wanted.size >= 13);
  assertRead(await readInNode(folder, [...wanted.keys()]), wanted);
});

test(
  'Chromium with TensorFlow.js alone reads all folders and computes the same',
  { skip: skipWithoutChromium },
  async () => {
    assertRead(await readInChromium(folder, [...wanted.keys()]), wanted);
  },
);

test('a network whose calls tf.layers would confuse on reading is not saved', async () => {
  const [a, b] = [tf.input({ shape: [4] }), tf.input({ shape: [4] })];
  const [outer, between] = [l.dense({ name: 'outer', units: 4 }), l.dense({ units: 4 })];
  const twice = outer.apply(between.apply(outer.apply(a))) as Symbolic;
  const model = tf.model({ name: 'net', inputs: [a, b], outputs: [twice, outer.apply(b) as Symbolic] });
  const message = /net cannot be saved: the layer outer is used at several places, .* give each a layer of its own/;
  for (const save of [saveTfjs, saveSafetensors]) {
    await assert.rejects(save(model, join(folder, 'mixed')), { name: 'UserError', message });
  }
});

test('unreadable files are refused in a sentence', async () => {
  const refused = (act: () => Promise<unknown>, message: RegExp): Promise<void> =>
    assert.rejects(act, (e) => e instanceof UserError && message.test(e.message));
  const model = tf.sequential({ layers: [l.dense({ name: 'd', units: 2, inputShape: [2] })] });
  const path = join(folder, 'odd');
  await refused(() => loadTfjs(join(folder, 'absent')), /absent.model\.json cannot be read: ENOENT.* Check the path/);
  await refused(() => loadSafetensors(join(folder, 'absent')), /absent cannot be read: ENOENT/);
  await saveTfjs(model, path);
  writeFileSync(join(path, 'model.json'), '{');
  await refused(() => loadTfjs(path), /model\.json is not JSON/);
  writeFileSync(join(path, 'model.json'), '{}');
  await refused(() => loadTfjs(path), /model\.json does not say where its weights are/);
  await saveSafetensors(model, join(folder, 'whole'));
  const bytes = readFileSync(join(folder, 'whole'));
  writeFileSync(join(folder, 'half'), bytes.subarray(0, bytes.length - 4));
  await refused(() => loadSafetensors(join(folder, 'half')), /half is not a whole safetensors file/);
});
