// The sweeps whose results the notebooks and docs show must be such as can be run.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { experimentOf } from 'sparsebook/experiments/sweep/estimate.js';
import { pointsOf } from 'sparsebook/experiments/sweep/points.js';
import { readSpec } from 'sparsebook/experiments/sweep/spec.js';

const folder = join(import.meta.dirname, '..', '..', 'notebooks', 'sweeps');
const files = readdirSync(folder);

test('there are sweeps', () => assert.ok(files.length > 10));

for (const file of files) {
  test(`${file}: every point has settings that fit, and starts from one that is there`, async () => {
    const points = pointsOf(await readSpec([], { file: join(folder, file) }));
    assert.ok(points.length > 1);
    for (const point of points) {
      const { data, network } = experimentOf(point);
      assert.ok(['cifar10', 'synthetic'].includes(data) && network.length > 0, point.id);
      assert.ok(point.start === undefined || points.some(({ id }) => id === point.start), point.id);
    }
  });
}
