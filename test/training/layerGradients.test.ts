import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { loadData } from 'sparsebook/data/loadData.js';
import { softmaxInLoss } from 'sparsebook/experiments/run/session.js';
import { resnet18 } from 'sparsebook/models/resnet18.js';
import { crossEntropy } from 'sparsebook/training/loss.js';
import { evaluate } from 'sparsebook/training/evaluate.js';
import { layerGradients } from 'sparsebook/training/layerGradients.js';
import { colours, smallNet, weightsOf } from './small.ts';

await useBackend({ backend: 'simd', threads: 1 });

test('the norm is the norm of the gradient by finite differences', async () => {
  const set = colours(8, 4);
  const model = smallNet({ gates: false });
  const found = await layerGradients(model, set, { images: 8 });
  assert.deepEqual(
    found.map(({ kernel }) => kernel),
    ['first/kernel', 'second/kernel', 'logits/kernel'],
  );
  const kernel = model.getLayer('logits').weights[0];
  const start = kernel.read().dataSync<'float32'>().slice();
  /** The loss after moving one entry of the kernel, without updating running statistics. */
  const lossAt = (entry: number, by: number): number => {
    const moved = start.map((value, i) => (i === entry ? value + by : value));
    kernel.write(tf.tensor(moved, kernel.shape as number[]));
    const x = tf.tensor4d(normalised, [8, 32, 32, 3]);
    const logits = model.apply(x, { training: true, updateStatistics: false }) as tf.Tensor2D;
    return crossEntropy()(logits, tf.tensor1d([...set.labels], 'int32')).dataSync()[0];
  };
  const normalised = Float32Array.from(
    set.images,
    (v, i) => (v / 255 - [0.4914, 0.4822, 0.4465][i % 3]) / [0.247, 0.2435, 0.2616][i % 3],
  );
  const squares = [...start].map((_, i) => ((lossAt(i, 1e-2) - lossAt(i, -1e-2)) / 2e-2) ** 2);
  kernel.write(tf.tensor(start, kernel.shape as number[]));
  const norm = Math.sqrt(squares.reduce((a, b) => a + b, 0));
  const { norm: ours } = found[2];
  assert.ok(Math.abs(ours - norm) < 1e-3 * norm, `${ours} and ${norm}`);
});

test('nothing is changed, running statistics included, and no tensor is left behind', async () => {
  const model = smallNet({ gates: false });
  const before = weightsOf(model);
  await layerGradients(model, colours(8, 4));
  const tensors = tf.memory().numTensors;
  await layerGradients(model, colours(8, 4));
  assert.equal(tf.memory().numTensors, tensors);
  assert.deepEqual(weightsOf(model), before);
  assert.ok(Number.isFinite((await evaluate(model, colours(8, 4))).loss));
});

test("in ResNet-18's stage 4 an image is one pixel, and weights that only meet padding have no gradient", async () => {
  const model = resnet18({ widthMultiplier: 0.05 });
  const { train } = await loadData('synthetic', { sizes: { train: 64, validation: 1, test: 1 } });
  const still = new Map((await layerGradients(model, train, { images: 64 })).map((g) => [g.kernel, g.still]));
  const about = (name: string, share: number): void => {
    const found = still.get(`${name}_conv/kernel`)!;
    // A channel that a ReLU closes for all images adds a few more.
    assert.ok(found >= share - 1e-9 && found < share + 0.1, `${name}: ${found} instead of ${share}`);
  };
  about('stem', 0);
  about('stage3_block2_second', 0);
  about('stage4_block1_first', 5 / 9);
  for (const name of ['stage4_block1_second', 'stage4_block2_first', 'stage4_block2_second']) about(name, 8 / 9);
});

test('softmax inside the loss removes nine tenths of every gradient at the start, and a factor of 10 restores them', async () => {
  const model = resnet18({ widthMultiplier: 0.05 });
  // Logits near 0, as with a new head on ImageNet's weights.
  const logits = model.getLayer('logits');
  logits.setWeights(logits.getWeights().map((weight) => weight.mul(1e-3)));
  const { train } = await loadData('synthetic', { sizes: { train: 32, validation: 1, test: 1 } });
  const norms = async (loss: ReturnType<typeof crossEntropy>): Promise<number[]> =>
    (await layerGradients(model, train, { loss, images: 32 })).map(({ norm }) => norm);
  const [plain, once, tenfold] = [
    await norms(crossEntropy()),
    await norms(softmaxInLoss(crossEntropy(), 1)),
    await norms(softmaxInLoss(crossEntropy(), 10)),
  ];
  once.forEach((norm, i) => assert.ok(Math.abs(norm / plain[i] - 0.1) < 2e-3));
  tenfold.forEach((norm, i) => assert.ok(Math.abs(norm / plain[i] - 1) < 2e-2));
});
