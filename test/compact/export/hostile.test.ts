// Files from elsewhere: whatever is in them, a network is loaded or a sentence says why not.
import assert from 'node:assert/strict';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { Random, UserError } from 'sparsebook';
import { compact, loadSafetensors, loadTfjs } from 'sparsebook/compact';
import { encodeSafetensors } from 'sparsebook/formats';
import { BatchNorm, Conv2d, L0Gate, MaxPool2d } from 'sparsebook/layers';
import { fuzzRuns } from '../../fuzz.ts';

await tf.setBackend('cpu');
const folder = await mkdtemp(join(tmpdir(), 'hostile-'));
after(() => rm(folder, { recursive: true }));

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

function networks(): tf.LayersModel[] {
  const { layers: l } = tf;
  const plain = tf.sequential({
    layers: [
      l.conv2d({ filters: 2, kernelSize: 2, inputShape: [4, 4, 2], activation: 'relu' }),
      l.batchNormalization(),
      l.maxPooling2d({ poolSize: 2 }),
      l.flatten(),
      l.dense({ units: 2, activation: 'softmax' }),
    ],
  });
  const image = tf.input({ shape: [4, 4, 1] });
  const ours = [
    new Conv2d({ name: 'conv', filters: 2, kernelSize: 3, padding: 1 }),
    new BatchNorm({ name: 'bn', activation: 'relu' }),
    new L0Gate({ name: 'gate' }),
    new MaxPool2d({ name: 'pool', poolSize: 2 }),
    l.flatten({ name: 'flat' }),
  ].reduce<tf.SymbolicTensor>((x, layer) => layer.apply(x) as tf.SymbolicTensor, image);
  const vector = tf.input({ shape: [3] });
  const both = l.concatenate({ name: 'both' }).apply([ours, vector]) as tf.SymbolicTensor;
  const twoInputs = tf.model({
    inputs: [image, vector],
    outputs: [l.dense({ name: 'o', units: 2 }).apply(both) as tf.SymbolicTensor, ours],
  });
  const x = tf.input({ shape: [3] });
  const inner = tf.sequential({ name: 'inner', layers: [l.dense({ name: 'd', units: 3, inputShape: [3] })] });
  const sum = l.add({ name: 'sum' }).apply([inner.apply(x) as tf.SymbolicTensor, x]) as tf.SymbolicTensor;
  return [plain, twoInputs, tf.model({ inputs: x, outputs: sum })];
}

/** A network's structure, and its weights as a file would list them. */
function saved(model: tf.LayersModel): { topology: Json; shapes: [string, number[]][] } {
  const topology = JSON.parse(JSON.stringify(model.toJSON(null, false))) as Json;
  return { topology, shapes: model.weights.map(({ originalName, shape }) => [originalName, shape as number[]]) };
}

async function refusedOrRead(load: () => Promise<tf.LayersModel>, what: string): Promise<boolean> {
  try {
    const model = await load();
    compact(model);
    return true;
  } catch (error) {
    assert.ok(error instanceof UserError, `${what}: ${(error as Error).stack}`);
    assert.ok(error.message.length < 3000, `${what}: a message of ${error.message.length} characters`);
    return false;
  }
}

/** Tries a structure in both formats; whether either was loaded and made smaller. */
async function tryBoth(topology: string, shapes: [string, number[]][], what: string): Promise<boolean> {
  const size = (shape: number[]): number => shape.reduce((a, b) => a * b, 1);
  const tensors = new Map(shapes.map(([name, shape]) => [name, { shape, values: new Float32Array(size(shape)) }]));
  const file = join(folder, 'x.safetensors');
  await writeFile(file, encodeSafetensors(tensors, { model_topology: topology }));
  await mkdir(join(folder, 'net'), { recursive: true });
  const weights = shapes.map(([name, shape]) => ({ name, shape, dtype: 'float32' }));
  const manifest = JSON.stringify([{ paths: ['w.bin'], weights }]);
  await writeFile(join(folder, 'net', 'w.bin'), Buffer.alloc(4 * shapes.reduce((n, [, shape]) => n + size(shape), 0)));
  await writeFile(join(folder, 'net', 'model.json'), `{"modelTopology":${topology},"weightsManifest":${manifest}}`);
  const one = await refusedOrRead(() => loadSafetensors(file), what);
  const other = await refusedOrRead(() => loadTfjs(join(folder, 'net')), what);
  return one || other;
}

const deep = (levels: number): Json => {
  let value: Json = [];
  for (let i = 0; i < levels; i++) value = [value];
  return value;
};
const evil: Json[] = [
  ...[
    null,
    true,
    -1,
    0,
    1.5,
    65537,
    1e9,
    2 ** 53,
    1e308,
    'NaN',
    '',
    'x',
    '__proto__',
    'constructor',
    'softmax',
    'same',
  ],
  ...[
    [],
    {},
    [[]],
    [1e9, 1e9],
    [null, -4],
    [null, 1e9, 1e9, 1e9],
    ['conv', 0, 0, {}],
    { class_name: 'Evil', config: {} },
  ],
  ...[deep(50), deep(300), { __proto__x: 1 }],
];

/** Changes one place of a structure, or several, at random. */
function mutate(topology: Json, random: Random): Json {
  const copy = structuredClone(topology);
  const below = (n: number): number => Math.floor(random.next() * n);
  const places: { at: Record<string, Json>; key: string }[] = [];
  const walk = (value: Json): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const key of Object.keys(value)) {
      places.push({ at: value as Record<string, Json>, key });
      walk((value as Record<string, Json>)[key]);
    }
  };
  walk(copy);
  for (let changes = 1 + below(3); changes > 0; changes--) {
    const { at, key } = places[below(places.length)];
    const other = places[below(places.length)];
    switch (below(4)) {
      case 0:
        if (Array.isArray(at)) at.splice(Number(key), 1);
        else Reflect.deleteProperty(at, key);
        break;
      case 1:
        at[key] = structuredClone(other.at[other.key] ?? null);
        break;
      case 2:
        if (Array.isArray(at)) at.push(structuredClone(at[Number(key)] ?? null));
        else at[['__proto__', 'toString', 'name', 'config'][below(4)]] = at[key];
        break;
      default:
        at[key] = structuredClone(evil[below(evil.length)]);
    }
  }
  return copy;
}

const runs = fuzzRuns(150);
test(`${runs} changed structures of each network are loaded and made smaller, or refused in a sentence`, async () => {
  for (const [n, model] of networks().entries()) {
    const { topology, shapes } = saved(model);
    assert.ok(await tryBoth(JSON.stringify(topology), shapes, 'unchanged'), `network ${n} as it is`);
    const random = new Random(n + 1);
    for (let run = 0; run < runs; run++) {
      const changed = JSON.stringify(mutate(topology, random));
      await tryBoth(changed, shapes, `network ${n}, run ${run}: ${changed.slice(0, 2000)}`);
    }
  }
});

const dense = (config: object, inbound: Json = [[['x', 0, 0, {}]]]): Json => ({
  class_name: 'Dense',
  name: 'd',
  config: { name: 'd', units: 2, ...config } as Json,
  inbound_nodes: inbound,
});
const input = (shape: Json = [null, 3]): Json => ({
  class_name: 'InputLayer',
  name: 'x',
  config: { name: 'x', batch_input_shape: shape },
  inbound_nodes: [],
});
const functional = (layers: Json[], output = 'd'): Json => ({
  class_name: 'Model',
  config: { name: 'm', layers, input_layers: [['x', 0, 0]], output_layers: [[output, 0, 0]] },
});
const nested = (levels: number): Json => {
  let network: Json = {
    class_name: 'Sequential',
    config: { name: 's', layers: [dense({ batch_input_shape: [null, 3] })] },
  };
  for (let i = 0; i < levels; i++) network = { class_name: 'Sequential', config: { name: `s${i}`, layers: [network] } };
  return network;
};
const pool = (pool_size: Json): Json => ({
  class_name: 'MaxPooling2D',
  name: 'd',
  config: { name: 'd', pool_size, strides: [1, 1], padding: 'same' },
  inbound_nodes: [[['x', 0, 0, {}]]],
});

const shapes: [string, number[]][] = [
  ['d/kernel', [3, 2]],
  ['d/bias', [2]],
];
const structures: [what: string, structure: Json, message: RegExp][] = [
  ['nothing', null, /says nothing of a network/],
  ['a list', [], /says nothing of a network/],
  ['a layer alone', dense({}), /says nothing of a network/],
  ['no layers', functional([]), /has no list of layers/],
  ['a million units', functional([input(), dense({ units: 1e9 })]), /more values than the file, which has 8/],
  ['negative units', functional([input(), dense({ units: -2 })]), /positive integer/],
  ['units of no number', functional([input(), dense({ units: 'NaN' })]), /./],
  ['no units', functional([input(), dense({ units: null })]), /./],
  ['an unknown class', functional([input(), { ...(dense({}) as object), class_name: 'Evil' }]), /Evil/],
  ['a name twice', functional([input(), dense({}), dense({})]), /two of its layers are called d/],
  ['a layer that reads itself', functional([input(), dense({}, [[['d', 0, 0, {}]]])]), /in a circle/],
  ['a call that there is none of', functional([input(), dense({}, [[['x', 7, 0, {}]]])]), /a call is missing/],
  ['a layer that there is none of', functional([input(), dense({}, [[['y', 0, 0, {}]]])]), /none of its layers/],
  ['a call of nothing', functional([input(), dense({}, [[]])]), /called with nothing to read/],
  ['a name of every object', functional([input(), dense({ name: 'toString' })]), /called both d and "toString"/],
  ['much depth', nested(300), /more than 100 levels deep/],
  ['an image of no end', functional([input([null, 1e9, 1e9, 3]), pool([2, 2])]), /at most/],
  ['a window of no end', functional([input([null, 8, 8, 3]), pool([1e9, 1e9])]), /at most/],
];

for (const [what, structure, message] of structures) {
  test(`a file whose structure has ${what} is refused in a sentence`, async () => {
    const tensors = new Map(
      shapes.map(([name, shape]) => [name, { shape, values: new Float32Array(shape[0] * (shape[1] ?? 1)) }]),
    );
    const weightless = JSON.stringify(structure).includes('MaxPooling2D');
    const file = join(folder, 'one.safetensors');
    await writeFile(
      file,
      encodeSafetensors(weightless ? new Map() : tensors, { model_topology: JSON.stringify(structure) }),
    );
    await assert.rejects(async () => compact(await loadSafetensors(file)), { name: 'UserError', message });
  });
}

test('a structure that is not JSON, or has a key of every object, is refused', async () => {
  const file = join(folder, 'text.safetensors');
  for (const text of ['{', '', '{"__proto__": {"class_name": "Model"}}']) {
    await writeFile(file, encodeSafetensors(new Map(), { model_topology: text }));
    await assert.rejects(loadSafetensors(file), {
      name: 'UserError',
      message: /is not JSON|says nothing of a network/,
    });
  }
  assert.equal('class_name' in {}, false);
});

test('files of weights have plain names inside the folder of model.json', async () => {
  const net = join(folder, 'names');
  await mkdir(net);
  await writeFile(join(folder, 'secret.bin'), Buffer.alloc(32));
  const names = [
    '../secret.bin',
    join(folder, 'secret.bin'),
    'a/../../secret.bin',
    './w.bin',
    'http://x/w.bin',
    'w\0.bin',
  ];
  for (const name of [...names, '..\\secret.bin', 'C:w.bin', '', 7, null, { a: 1 }, '__proto__/../x']) {
    const manifest = [{ paths: [name], weights: [] }];
    await writeFile(join(net, 'model.json'), JSON.stringify({ modelTopology: nested(0), weightsManifest: manifest }));
    await assert.rejects(
      loadTfjs(net),
      { name: 'UserError', message: /names the file .* lies in the folder/ },
      `${name as string}`,
    );
  }
  for (const weightsManifest of [
    null,
    {},
    [null],
    [{}],
    [{ paths: 1, weights: [] }],
    [{ paths: ['w', 'w'], weights: [] }],
  ]) {
    await writeFile(join(net, 'model.json'), JSON.stringify({ modelTopology: nested(0), weightsManifest }));
    await assert.rejects(loadTfjs(net), { name: 'UserError' });
  }
  await writeFile(join(net, 'w.bin'), Buffer.alloc(4));
  for (const shape of [[1e9], [-1], ['2'], null, [2]]) {
    const weightsManifest = [{ paths: ['w.bin'], weights: [{ name: 'd/kernel', shape, dtype: 'float32' }] }];
    await writeFile(join(net, 'model.json'), JSON.stringify({ modelTopology: nested(0), weightsManifest }));
    await assert.rejects(loadTfjs(net), { name: 'UserError', message: /does not fit its files/ });
  }
});
