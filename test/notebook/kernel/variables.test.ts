import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { DataFrame, Series } from 'danfojs-node';
import { describeVariable, tensorMemory } from 'sparsebook/notebook/kernel/patch/variables.js';

class Model {
  units = 3;
}
const never = (): never => {
  throw new Error('this must not run');
};
const forbidden = { get: never, has: never, ownKeys: never, getOwnPropertyDescriptor: never, getPrototypeOf: never };
class Shy {
  static get name(): string {
    return never();
  }
  get text(): string {
    return never();
  }
  [Symbol.toStringTag] = 5;
}
const circular: Record<string, unknown> = {};
circular.self = circular;

const cases: [value: unknown, about: object][] = [
  [5, { type: 'number', text: '5' }],
  [-0, { type: 'number', text: '-0' }],
  [null, { type: 'null', text: 'null' }],
  [undefined, { type: 'undefined', text: 'undefined' }],
  ['a\nb', { type: 'string', text: '"a\\nb"' }],
  ['x'.repeat(10_000_000), { type: 'string', text: `"${'x'.repeat(80)}…"` }],
  [12n, { type: 'bigint', text: '12n' }],
  [10n ** 100n, { type: 'bigint', text: 'bigint' }],
  [Symbol('s'), { type: 'symbol', text: 'Symbol(s)' }],
  [Model, { type: 'Function', text: 'function Model' }],
  [() => 1, { type: 'Function', text: 'function' }],
  [new Model(), { type: 'Model', text: 'Model { units: 3 }' }],
  [{}, { type: 'Object', text: '{}' }],
  [
    { a: { b: { c: 1 } }, l: [[1]] },
    { type: 'Object', text: '{ a: { b: {…} }, l: [[…]] }' },
  ],
  [circular, { type: 'Object', text: '{ self: { self: {…} } }' }],
  [[1, 2], { type: 'Array', size: 2, text: '[1, 2]' }],
  [new Array(1e6).fill('no'), { type: 'Array', size: 1e6, text: '["no", "no", "no", "no", "no", "no", …]' }],
  [Float32Array.of(1, 0.5), { type: 'Float32Array', size: 2, bytes: 8, text: 'Float32Array [1, 0.5]' }],
  [new ArrayBuffer(9), { type: 'ArrayBuffer', bytes: 9, text: 'ArrayBuffer' }],
  [new Map([[1, 2]]), { type: 'Map', size: 1, text: 'Map(1)' }],
  [new Set([1, 2]), { type: 'Set', size: 2, text: 'Set(2)' }],
  [new Date(0), { type: 'Date', text: '1970-01-01T00:00:00.000Z' }],
  [new Date(NaN), { type: 'Date', text: 'Invalid Date' }],
  [new RangeError('far'), { type: 'RangeError', text: 'RangeError: far' }],
  [Promise.resolve(1), { type: 'Promise', text: 'Promise' }],
  [Object.create(null), { type: 'Object', text: '{}' }],
  // Values whose inspection could run their own code.
  [
    {
      get a() {
        return never();
      },
    },
    { type: 'Object', text: '{ a: (getter) }' },
  ],
  [new Proxy({}, forbidden), { type: 'Proxy', text: 'Proxy' }],
  [new Proxy([], forbidden), { type: 'Proxy', text: 'Proxy' }],
  [Object.create(new Proxy({}, forbidden)), { type: 'Object', text: '{}' }],
  [{ inner: new Proxy(never, forbidden) }, { type: 'Object', text: '{ inner: Proxy }' }],
  [new Shy(), { type: 'Object', text: '{}' }],
  [Object.assign(new Error(), { message: { toString: never } }), { type: 'Error', text: 'Error: ' }],
  [Object.defineProperty(new Set([1]), 'size', { get: never }), { type: 'Set', size: 1, text: 'Set(1)' }],
  [Object.defineProperty(new Uint8Array(2), 'length', { get: never }), { type: 'Uint8Array', size: 2, bytes: 2 }],
  [Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`k${i}`, i])), { type: 'Object' }],
];

test("a variable is summarised without running any of its value's code", () => {
  for (const [value, about] of cases) {
    const { name, ...told } = describeVariable('v', undefined, value);
    assert.equal(name, 'v');
    assert.ok(told.text.length <= 120);
    assert.deepEqual({ ...told, ...about }, told);
    assert.deepEqual(
      Object.keys(told).filter((key) => !(key in about) && key !== 'text'),
      [],
    );
  }
});

test('tensors are shown with shape, size and bytes, frames with their shape', () => {
  const before = tensorMemory()!;
  const tensor = tf.zeros([2, 3]);
  const told = { name: 't', type: 'Tensor', shape: [2, 3], size: 6, bytes: 24, text: 'float32' };
  assert.deepEqual(describeVariable('t', undefined, tensor), told);
  assert.deepEqual(tensorMemory(), { count: before.count + 1, bytes: before.bytes + 24 });
  assert.deepEqual(tensorMemory(), { count: tf.memory().numTensors, bytes: tf.memory().numBytes });
  tensor.dispose();
  assert.deepEqual(describeVariable('t', undefined, tensor), { ...told, bytes: 0, text: 'float32, disposed' });
  const flags = tf.tensor1d([true, false], 'bool');
  assert.deepEqual(describeVariable('f', 'Tensor1D', flags), {
    ...{ name: 'f', type: 'Tensor1D', shape: [2], size: 2, bytes: 2, text: 'bool' },
  });
  const words = tf.tensor1d(['a']);
  assert.deepEqual(describeVariable('w', 'Tensor1D', words), {
    ...{ name: 'w', type: 'Tensor1D', shape: [1], size: 1, text: 'string' },
  });
  tf.dispose([flags, words]);
  const frame = new DataFrame([
    { n: 1, word: 'one' },
    { n: 2, word: 'two' },
    { n: 3, word: 'three' },
  ]);
  assert.deepEqual(describeVariable('d', undefined, frame), {
    ...{ name: 'd', type: 'DataFrame', shape: [3, 2], text: '["n", "word"]' },
  });
  assert.deepEqual(describeVariable('s', undefined, new Series([1, 2])).shape, [2]);
});

test('a declared type is shortened to one line without the files it is declared in', () => {
  assert.equal(describeVariable('a', 'import("/x/y").Tensor<import("z").Rank>', 1).type, 'Tensor<Rank>');
  const { type } = describeVariable('a', `{\n    ${'inner: number;\n'.repeat(100)}}`, 1);
  assert.ok(type.length === 200 && !type.includes('\n'), type);
});
