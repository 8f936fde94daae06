// Run by webgpu.test.ts if there is a device.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend, type BackendName } from 'sparsebook/backend/useBackend.js';
import type { WebgpuBackend } from 'sparsebook/backend/webgpu/webgpuBackend.js';
import { googleNet } from 'sparsebook/models/googleNet.js';
import { istaSparsifier } from 'sparsebook/sparsity/ista.js';
import { l0Sparsifier } from 'sparsebook/sparsity/l0.js';
import { magnitudeSparsifier } from 'sparsebook/sparsity/magnitude.js';
import { AdamW } from 'sparsebook/training/adam.js';
import { layerGradients } from 'sparsebook/training/layerGradients.js';
import { resumeFrom, takeState, type TrainedParts } from 'sparsebook/training/checkpoint/trainedState.js';
import { Sgd } from 'sparsebook/training/sgd.js';
import { train, type TrainingOptions } from 'sparsebook/training/train.js';
import { WeightAverages } from 'sparsebook/training/weightAverages.js';
import { assertClose } from '../../goldens.ts';
import { colours, smallNet } from '../../training/small.ts';

type Options = Partial<TrainingOptions> & TrainedParts;

/** Every number that a training run reports. */
async function told(options: Options): Promise<number[]> {
  const numbers: number[] = [];
  const data = { train: colours(16, 1), validation: colours(8, 2) };
  for await (const event of train({ data, epochs: 2, batchSize: 8, ...options })) {
    if (event.type === 'step') numbers.push(event.loss, event.penalty);
    if (event.type === 'epoch') numbers.push(event.validation!.loss, ...Object.values(event.sparsity ?? {}));
    if (event.type === 'warning') assert.fail(event.message);
  }
  return numbers;
}

/** Asserts that a training run reports the same on webgpu as on simd, except for rounding. */
async function assertLearnsTheSame(make: () => Options): Promise<void> {
  const on = async (backend: BackendName): Promise<number[]> => {
    await useBackend({ backend });
    return told(make());
  };
  assertClose(await on('webgpu'), await on('simd'), { absolute: 2e-3, relative: 2e-3 }, 'what training tells');
}

test('the gated GoogleNet, whose penalty adds up more gates than a shader binds buffers, trains as on simd', () =>
  assertLearnsTheSame(() => {
    const model = googleNet({ widthMultiplier: 0.1, gates: true, classes: 3, seed: 1 });
    const sparsifier = l0Sparsifier(model, { lambda_l0: 0.5 });
    const data = { train: colours(4, 1), validation: colours(2, 2) };
    return { model, sparsifier, optimizer: new AdamW({ lr: 0.01 }), data, batchSize: 4, epochs: 1 };
  }));

const closedShare = (masks: ReadonlyMap<string, Float32Array>): number => {
  const all = [...masks.values()].flatMap((mask) => [...mask]);
  return all.filter((value) => value === 0).length / all.length;
};
const methods: Record<string, (model: tf.LayersModel) => Partial<TrainingOptions>> = {
  'L0 that a target steers at every step, with averages': (model) => ({
    sparsifier: l0Sparsifier(model, { target: { sparsity: 0.5, sparsityOf: closedShare } }),
    averages: new WeightAverages(model),
  }),
  ISTA: (model) => ({ sparsifier: istaSparsifier(model, { l1_penalty: 1e-3 }) }),
  'a method of your own that changes weights before an epoch and reads them': (model) => {
    const weight = model.trainableWeights[0];
    let sum = 0;
    const beforeEpoch = (): void => {
      tf.tidy(() => void weight.write(weight.read().mul(0.9)));
      const values = weight.read().dataSync<'float32'>();
      sum = values.reduce((a, b) => a + b, 0);
    };
    const nothing = (): Record<string, never> => ({});
    const rest = { channelMasks: () => new Map<string, Float32Array>(), state: nothing, restore: () => undefined };
    return { sparsifier: { name: 'own', beforeEpoch, summary: () => ({ sum }), ...rest } };
  },
  'magnitude pruning': (model) => ({
    sparsifier: magnitudeSparsifier(model, { plan: [{ epoch: 1, amount: 0.3 }], unfreezeBefore: 2 }),
  }),
};
for (const [name, method] of Object.entries(methods)) {
  test(name, () =>
    assertLearnsTheSame(() => {
      const model = smallNet({ gates: name.startsWith('L0') });
      return { model, optimizer: new Sgd({ lr: 0.05, momentum: 0.9 }), ...method(model) };
    }),
  );
}

test('the gradient of each layer is right', async () => {
  const on = async (backend: BackendName): Promise<number[]> => {
    await useBackend({ backend });
    const found = await layerGradients(smallNet({ gates: true }), colours(8, 4), { images: 8 });
    return found.flatMap(({ norm, still }) => [norm, still]);
  };
  assertClose(await on('webgpu'), await on('simd'), { absolute: 1e-3, relative: 1e-3 }, 'gradients');
});

test('a training resumed from a checkpoint goes on as if it had not stopped', async () => {
  await useBackend({ backend: 'webgpu' });
  const make = (): Required<Pick<Options, 'model' | 'optimizer' | 'sparsifier'>> => {
    const model = smallNet();
    return { model, optimizer: new AdamW({ lr: 0.02 }), sparsifier: l0Sparsifier(model, { lambda_l0: 0.1 }) };
  };
  const whole = make();
  await told({ ...whole });
  const [first, second] = [make(), make()];
  await told({ ...first, epochs: 1 });
  const state = await takeState(first);
  const startStep = resumeFrom({ ...state, path: 'here', step: 2, epoch: 1, settings: {} }, second);
  await told({ ...second, startStep });
  const weights = async (parts: TrainedParts): Promise<unknown> => (await takeState(parts)).weights;
  assert.deepEqual(await weights(second), await weights(whole));
});

test('errors and the loss of the device are thrown by name at the next read, and a new device computes again', async () => {
  await useBackend({ backend: 'webgpu' });
  const backend = tf.backend() as WebgpuBackend & { device: { createBuffer(wrong: object): void } };
  const x = tf.ones([2000]).add(1);
  assert.deepEqual([...(await x.slice(0, 2).data())], [2, 2]);
  assert.throws(() => x.mul(2).dataSync(), /must be waited for/);
  backend.watch('Injected', () => backend.device.createBuffer({ size: 4, usage: 0 }));
  await assert.rejects(x.add(1).data(), /'webgpu' failed in Injected: /);
  await assert.rejects(x.data(), /failed in Injected/);
  await useBackend({ backend: 'webgpu' });
  const y = tf.ones([2000]).add(2);
  (tf.backend() as WebgpuBackend).device.destroy();
  await assert.rejects(y.data(), /its device is lost/);
  await useBackend({ backend: 'webgpu' });
  assert.equal((await tf.ones([2000]).add(3).sum().data())[0], 8000);
});
