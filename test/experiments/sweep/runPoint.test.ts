import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { experimentSchema } from 'sparsebook/experiments/experimentSettings.js';
import { settle } from 'sparsebook/experiments/settings/settle.js';
import { pointsOf, type SweepPoint } from 'sparsebook/experiments/sweep/points.js';
import { SharedImages, warningsOf } from 'sparsebook/experiments/sweep/runPoint.js';
import { readSpec } from 'sparsebook/experiments/sweep/spec.js';
import { smallImageFolder } from '../../data/smallImageFolder.ts';
import { temporaryFolder } from '../../training/checkpoint/sample.ts';

test('images that could not be read for one point are looked for again for the next, and then read only once', async (t) => {
  const data = join(temporaryFolder(t), 'images');
  const settings = settle(experimentSchema, [{ name: 'data', value: data }]);
  const shared = new SharedImages();
  await assert.rejects(shared.of(settings), /data must be synthetic, cifar10 or a folder/);
  await smallImageFolder(data);
  const { images } = await shared.of(settings);
  assert.equal(images.train.labels.length, 8);
  assert.equal((await shared.of(settings)).images, images);
});

test('warnings about points are given once, with the number of points, before any is trained', async () => {
  const points = async (words: string, protocol = 'experiment'): Promise<SweepPoint[]> =>
    pointsOf(
      await readSpec(`${words} data=synthetic sizes.train=64 sizes.validation=8 sizes.test=8 seed=1..3`.split(' '), {
        protocol,
      }),
    );
  const shared = new SharedImages();
  const few = await warningsOf(await points('network=c3 methods=repr repr.S2=1 epochs=4,10 repr.S1=2,5'), shared);
  assert.deepEqual(
    [...few].map(([message, count]) => [message.split(' ')[0], count]),
    [['repr.S1=5', 3]],
  );
  const half = await points('network=c3 half=first batch_size=32 drop_last=true max_steps=1');
  assert.deepEqual([...(await warningsOf(half, shared))], []);
  await assert.rejects(
    warningsOf(await points('network=c3 half=first batch_size=32,33 drop_last=true max_steps=1'), shared),
    /The point 'batch_size=33 seed=1' of the sweep cannot be run: batch_size must be at most .*, 32,/,
  );
  const tuned = await warningsOf(
    await points('ckpt_path=there droprate_init=0.5 batch_size=32', 'l0-googlenet'),
    shared,
  );
  assert.match([...tuned.keys()].join(), /^Gates that start at droprate_init=0\.5 disturb a trained network/);
});
