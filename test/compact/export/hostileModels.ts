// Randomly changed files of networks, and the permitted results of reading one.
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { UserError, type Random } from 'sparsebook';
import { compact } from 'sparsebook/compact/shrink/compact.js';
import { loadSafetensors } from 'sparsebook/compact/export/safetensors.js';
import { loadTfjs } from 'sparsebook/compact/export/tfjs.js';
import { encodeSafetensors } from 'sparsebook/formats/safetensors.js';
import { BatchNorm } from 'sparsebook/layers/batchNorm.js';
import { Conv2d } from 'sparsebook/layers/conv2d.js';
import { L0Gate } from 'sparsebook/layers/l0Gate.js';
import { MaxPool2d } from 'sparsebook/layers/maxPool2d.js';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export function networks(): tf.LayersModel[] {
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

/** A network's structure, and its weights as a file lists them. */
export function saved(model: tf.LayersModel): { topology: Json; shapes: [string, number[]][] } {
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

/** Tries to load a structure in both formats; returns whether one of the networks was loaded and made smaller. */
export async function tryBoth(
  folder: string,
  topology: string,
  shapes: [string, number[]][],
  what: string,
): Promise<boolean> {
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

/** Changes one or several places of a structure at random. */
export function mutate(topology: Json, random: Random): Json {
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
