import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { experimentSchema } from 'sparsebook/experiments/experimentSettings.js';
import { settle } from 'sparsebook/experiments/settings/settle.js';
import { SharedImages } from 'sparsebook/experiments/sweep/runPoint.js';
import { smallImageFolder } from '../../data/smallFolder.ts';
import { temporaryFolder } from '../../training/checkpoint/sample.ts';

test('images that could not be read for one point are looked for again for the next, and read once', async (t) => {
  const data = join(temporaryFolder(t), 'images');
  const settings = settle(experimentSchema, [{ name: 'data', value: data }]);
  const shared = new SharedImages();
  await assert.rejects(shared.of(settings), /data must be synthetic, cifar10 or a folder/);
  await smallImageFolder(data);
  const { images } = await shared.of(settings);
  assert.equal(images.train.labels.length, 8);
  assert.equal((await shared.of(settings)).images, images);
});
