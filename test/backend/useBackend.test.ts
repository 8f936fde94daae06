import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { UserError } from 'sparsebook/errors.js';

afterEach(() => {
  delete process.env.SPARSEBOOK_BACKEND;
  delete process.env.SPARSEBOOK_THREADS;
  delete process.env.SLURM_CPUS_PER_TASK;
});

test('the simd backend describes in one line what it computes with', async () => {
  const info = await useBackend({ backend: 'simd', threads: 2 });
  assert.equal(info.name, 'simd');
  assert.equal(info.threads, 2);
  assert.equal(tf.getBackend(), 'simd');
  assert.match(info.description, /^simd: 2 threads, WebAssembly SIMD with .*Node \d+\.\d+.*tfjs 4\.\d+/);
  assert.ok(!info.description.includes('\n'));
});

test("without Winograd the simd backend's description says so, and a convolution has less rounding error", async () => {
  const x = tf.randomNormal<tf.Rank.R4>([1, 16, 16, 32], 0, 1, 'float32', 1);
  const w = tf.randomNormal<tf.Rank.R4>([5, 5, 32, 16], 0, 1, 'float32', 2);
  const results: Float32Array[] = [];
  for (const options of [{ backend: 'cpu' }, { backend: 'simd', winograd: false }, { backend: 'simd' }] as const) {
    const { description } = await useBackend(options);
    assert.equal(description.includes('no Winograd'), 'winograd' in options);
    results.push(tf.conv2d(x, w, 1, 'same').dataSync<'float32'>());
  }
  const [exact, direct, winograd] = results;
  const off = (y: Float32Array): number => Math.max(...y.map((value, i) => Math.abs(value - exact[i])));
  assert.ok(off(direct) < off(winograd), `${off(direct)} and ${off(winograd)}`);
  assert.ok(off(winograd) < 1e-3);
});

test('auto finds a backend that is faster than plain JavaScript', async () => {
  const { name } = await useBackend();
  assert.ok(name === 'simd' || name === 'tensorflow');
});

test('the environment chooses where the caller does not', async () => {
  process.env.SPARSEBOOK_BACKEND = 'simd';
  process.env.SPARSEBOOK_THREADS = '1';
  assert.deepEqual(await useBackend().then(({ name, threads }) => [name, threads]), ['simd', 1]);
  assert.equal((await useBackend({ backend: 'cpu' })).name, 'cpu');
});

test('a Slurm job uses the cores that it was given by default', async () => {
  process.env.SLURM_CPUS_PER_TASK = '1';
  const threads = async (given?: number): Promise<number> =>
    (await useBackend({ backend: 'simd', threads: given })).threads;
  assert.equal(await threads(), 1);
  assert.equal(await threads(2), 2);
  process.env.SPARSEBOOK_THREADS = '2';
  assert.equal(await threads(), 2);
});

test('values survive a change of backend and of the number of threads', async () => {
  await useBackend({ backend: 'simd', threads: 2 });
  const x = tf.conv2d(tf.ones<tf.Rank.R4>([1, 3, 3, 2]), tf.ones<tf.Rank.R4>([3, 3, 2, 1]), 1, 'valid');
  await useBackend({ backend: 'simd', threads: 1 });
  assert.deepEqual([...tf.add(x, 1).dataSync()], [19]);
  await useBackend({ backend: 'cpu' });
  assert.deepEqual([...tf.add(x, 2).dataSync()], [20]);
});

test('memory of an output that nobody read is freed on the backend that holds it by then', async () => {
  await useBackend({ backend: 'simd', threads: 1 });
  const before = tf.memory().numDataBuffers;
  const [x, w] = [tf.ones<tf.Rank.R4>([1, 3, 3, 2]), tf.ones<tf.Rank.R4>([3, 3, 2, 1])];
  const unread = tf.conv2d(x, w, 1, 'valid');
  await useBackend({ backend: 'cpu' });
  for (const each of [x, w]) each.add(1).dispose(); // moves its data
  tf.dispose([unread, x, w]);
  assert.equal(tf.memory().numDataBuffers, before);
});

test('the error of a backend that cannot load gives the reason and a remedy', async () => {
  const missing = (backend: 'tensorflow' | 'webgpu', message: RegExp) => async () => {
    const error = await useBackend({ backend }).then(
      () => undefined,
      (e: Error) => e,
    );
    // Where the optional package is installed, the backend simply works.
    if (error === undefined) assert.equal(tf.getBackend(), backend);
    else assert.ok(error instanceof UserError && message.test(error.message), error.message);
  };
  await missing('tensorflow', /needs tfjs-node.*npm install @tensorflow\/tfjs-node/s)();
  await missing('webgpu', /needs (the package 'webgpu'.*npm install|a graphics driver)/s)();
});

test('an invalid setting is refused with the rule', async () => {
  await assert.rejects(
    useBackend({ backend: 'gpu' as 'cpu' }),
    /one of auto, tensorflow, simd, cpu, webgpu; received 'gpu'/,
  );
  await assert.rejects(useBackend({ threads: 0 }), /whole number from 1 to 64; received '0'/);
  process.env.SPARSEBOOK_THREADS = 'many';
  await assert.rejects(useBackend(), /received 'many'.*SPARSEBOOK_THREADS/);
});
