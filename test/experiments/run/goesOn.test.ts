// Runs that resume, or cannot, within one process: a run that fails releases its lock, and a run before its end is not
// finished.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { experiment, type ExperimentSpec } from 'sparsebook/experiments/experiment.js';
import { readRecord } from 'sparsebook/experiments/run/record.js';
import { Run } from 'sparsebook/experiments/run/run.js';
import { findCheckpoint } from 'sparsebook/training/checkpoint/listCheckpoints.js';
import { smallImageFolder } from '../../data/smallImageFolder.ts';
import { temporaryFolder } from '../../training/checkpoint/sample.ts';

await useBackend({ backend: 'simd', threads: 1 });

const spec: ExperimentSpec = {
  network: { name: 'c3', width: 0.125 },
  data: 'synthetic',
  sizes: { train: 64, validation: 16, test: 16 },
  recipe: { epochs: 3, batch_size: 16, lr: 0.01 },
  checkpoints: { every_steps: 1, keep: 100 },
};
const checkpointIn = (run: Run, which = 'last'): Promise<string> =>
  findCheckpoint(join(run.dir!, 'checkpoints', which));
const weightsOf = async (run: Run): Promise<string> =>
  createHash('sha256')
    .update(readFileSync(join(await checkpointIn(run), 'weights.safetensors')))
    .digest('hex');

async function stopAt(run: Run, step: number): Promise<void> {
  const stop = new AbortController();
  for await (const event of run.events(stop.signal)) if (event.type === 'step' && event.step === step) stop.abort();
}

test('a finished run that is resumed from an earlier step and stopped there is unfinished, and can be resumed', async (t) => {
  const root = temporaryFolder(t);
  const first = await experiment({ ...spec, root }).finish();
  const weights = await weightsOf(first);
  await stopAt(await Run.resume(await checkpointIn(first, 'step-000004'), []), 6);
  assert.equal(await readRecord(first.dir!), undefined, 'its record would be of another network than its last one');
  const again = await experiment({ ...spec, root }).finish();
  assert.deepEqual([again.dir, await weightsOf(again)], [first.dir, weights]);
  assert.deepEqual(await again.evaluate('test'), await first.evaluate('test'));
  for (const run of [first, again]) run.dispose();
});

test('a run that cannot be resumed is released: once the damage is repaired, the same process can resume it', async (t) => {
  const root = temporaryFolder(t);
  const stopped = experiment({ ...spec, root });
  await stopAt(stopped, 6);
  const last = await checkpointIn(stopped);
  truncateSync(join(last, 'weights.safetensors'), 100);
  await assert.rejects(experiment({ ...spec, root }).finish(), /weights\.safetensors is damaged/);
  rmSync(last, { recursive: true });
  // If the run were still locked, this would follow it until the signal.
  const run = await experiment({ ...spec, root }).finish(AbortSignal.timeout(20_000));
  assert.deepEqual([run.isFinished, run.dir], [true, stopped.dir]);
  run.dispose();
});

test('a run whose images are gone is released when extending it fails', async (t) => {
  const run = await experiment({ ...spec, root: temporaryFolder(t) }).finish();
  const given = [
    { name: 'epochs', value: 4 },
    { name: 'data', value: join(run.dir!, 'no images') },
  ];
  const further = await Run.resume(await checkpointIn(run), given);
  await assert.rejects(further.finish(), /data must be synthetic, cifar10 or a folder/);
  assert.ok(!existsSync(join(run.dir!, 'run.lock')));
  assert.ok(await readRecord(run.dir!), 'and is as finished as before');
  run.dispose();
});

test('a run does not resume with as many images that look different', async (t) => {
  const root = temporaryFolder(t);
  const [images, bluer] = ['images', 'bluer'].map((name) => join(root, name));
  await smallImageFolder(images);
  await smallImageFolder(bluer, 100);
  const stopped = experiment({ ...spec, sizes: {}, recipe: { ...spec.recipe, batch_size: 2 }, data: images, root });
  await stopAt(stopped, 2);
  const other = await Run.resume(await checkpointIn(stopped), [{ name: 'data', value: bluer }]);
  await assert.rejects(other.finish(), /is of training on images \(.*, and cannot go on with bluer \(/);
});

test('a batch larger than the training set, which would be dropped, is refused before a run begins', async (t) => {
  const root = temporaryFolder(t);
  const recipe = { ...spec.recipe, batch_size: 65, drop_last: true };
  await assert.rejects(
    experiment({ ...spec, recipe, root }).finish(),
    /batch_size must be at most the number of training images, 64, .*drop_last=true.*; received 65/,
  );
  assert.deepEqual(readdirSync(root), []);
});

test('a protocol of several runs is refused where one run is expected, and so is an unknown protocol', () => {
  assert.throws(
    () => experiment({ protocol: 'ista-resnet20', data: 'synthetic' }),
    /checkpoint_version must be given where one run is asked for; without it there are 3/,
  );
  assert.throws(
    () => experiment({ protocol: 'constructor' as 'repr-c3' }),
    /The protocol must be one of .*; received constructor/,
  );
});
