import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import sharp from 'sharp';
import { experimentSchema } from 'sparsebook/experiments/experimentSettings.js';
import { settle } from 'sparsebook/experiments/settings/settle.js';
import { SharedImages } from 'sparsebook/experiments/sweep/runPoint.js';
import { temporaryFolder } from '../../training/checkpoint/sample.ts';

test('images that could not be read for one point are looked for again for the next, and read once', async (t) => {
  const data = join(temporaryFolder(t), 'images');
  const settings = settle(experimentSchema, [{ name: 'data', value: data }]);
  const shared = new SharedImages();
  await assert.rejects(shared.of(settings), /data must be synthetic, cifar10 or a folder/);
  for (const [k, name] of ['cat', 'dog'].entries()) {
    mkdirSync(join(data, name), { recursive: true });
    for (let i = 0; i < 5; i++) {
      const create = { width: 4, height: 4, channels: 3, background: { r: 50 * i, g: 200 * k, b: 0 } } as const;
      await sharp({ create })
        .png()
        .toFile(join(data, name, `${i}.png`));
    }
  }
  const { images } = await shared.of(settings);
  assert.equal(images.train.labels.length, 8);
  assert.equal((await shared.of(settings)).images, images);
});
