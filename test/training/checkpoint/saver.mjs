// Saves checkpoints until it is killed, and prints a line after each: the child of crash.test.ts.
//   node saver.mjs FOLDER FIRST_STEP
import { writeSync } from 'node:fs';
import { clearOrphans } from 'sparsebook/platform/asideName.js';
import { pruneCheckpoints } from 'sparsebook/training/checkpoint/listCheckpoints.js';
import { saveCheckpoint } from 'sparsebook/training/checkpoint/saveCheckpoint.js';

const [dir, first] = process.argv.slice(2);
await clearOrphans(dir);
writeSync(1, 'ready\n');
for (let step = Number(first); ; step++) {
  const values = new Float32Array(20_000).fill(step);
  const state = {
    step,
    epoch: 0,
    settings: {},
    draws: {},
    weights: new Map([['w', { shape: [100, 200], values }]]),
    optimizer: { name: 'AdamW', state: { w: { step, m: values, v: values } } },
  };
  // Every other save replaces the checkpoint of the same name.
  await saveCheckpoint(dir, step % 2 === 0 ? 'same' : `step-${step}`, state);
  writeSync(1, `${step}\n`);
  await pruneCheckpoints(dir, 3);
}
