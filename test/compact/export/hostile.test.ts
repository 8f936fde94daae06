// Files from elsewhere: whatever they contain, a network is loaded or a sentence says why not.
import assert from 'node:assert/strict';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { Random } from 'sparsebook';
import { compact } from 'sparsebook/compact/shrink/compact.js';
import { loadSafetensors } from 'sparsebook/compact/export/safetensors.js';
import { loadTfjs } from 'sparsebook/compact/export/tfjs.js';
import { encodeSafetensors } from 'sparsebook/formats/safetensors.js';
import { fuzzRuns } from '../../fuzz.ts';
import { mutate, networks, saved, tryBoth, type Json } from './hostileModels.ts';

await tf.setBackend('cpu');
const folder = await mkdtemp(join(tmpdir(), 'hostile-'));
after(() => rm(folder, { recursive: true }));

const runs = fuzzRuns(150);
test(`${runs} changed structures of each network are loaded and made smaller, or refused in a sentence`, async () => {
  for (const [n, model] of networks().entries()) {
    const { topology, shapes } = saved(model);
    assert.ok(await tryBoth(folder, JSON.stringify(topology), shapes, 'unchanged'), `network ${n} as it is`);
    const random = new Random(n + 1);
    for (let run = 0; run < runs; run++) {
      const changed = JSON.stringify(mutate(topology, random));
      await tryBoth(folder, changed, shapes, `network ${n}, run ${run}: ${changed.slice(0, 2000)}`);
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
  ['only a layer', dense({}), /says nothing of a network/],
  ['no layers', functional([]), /has no list of layers/],
  ['a million units', functional([input(), dense({ units: 1e9 })]), /more values than the file, which has 8/],
  ['negative units', functional([input(), dense({ units: -2 })]), /positive integer/],
  ['units that are not a number', functional([input(), dense({ units: 'NaN' })]), /./],
  ['no units', functional([input(), dense({ units: null })]), /./],
  ['an unknown class', functional([input(), { ...(dense({}) as object), class_name: 'Evil' }]), /Evil/],
  ['a name twice', functional([input(), dense({}), dense({})]), /two of its layers are called d/],
  ['a layer that reads itself', functional([input(), dense({}, [[['d', 0, 0, {}]]])]), /in a circle/],
  ['a call that does not exist', functional([input(), dense({}, [[['x', 7, 0, {}]]])]), /a call is missing/],
  ['a layer that does not exist', functional([input(), dense({}, [[['y', 0, 0, {}]]])]), /none of its layers/],
  ['a call of nothing', functional([input(), dense({}, [[]])]), /called with nothing to read/],
  ['a name that every object has', functional([input(), dense({ name: 'toString' })]), /called both d and "toString"/],
  ['deep nesting', nested(300), /more than 100 levels deep/],
  ['an endless image', functional([input([null, 1e9, 1e9, 3]), pool([2, 2])]), /at most/],
  ['an endless window', functional([input([null, 8, 8, 3]), pool([1e9, 1e9])]), /at most/],
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

test('a structure that is not JSON, or has a key that every object has, is refused', async () => {
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

test('files of weights must have plain names inside the folder of model.json', async () => {
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
      { name: 'UserError', message: /names the file .* lie in the folder/ },
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
