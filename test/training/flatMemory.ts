import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as tf from '@tensorflow/tfjs';
import { train, type TrainingOptions } from 'sparsebook/training/train.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function memory(): { tensors: number; bytes: number; heap: number } {
  collectGarbage();
  const { numTensors, numBytes } = tf.memory();
  return { tensors: numTensors, bytes: numBytes, heap: process.memoryUsage().heapUsed };
}

/**
 * Trains `steps` steps, with validation and summaries once per epoch, and asserts that memory does not grow: the peaks
 * of the number of tensors and of their bytes in the second half do not exceed those in the first (a method's tensors
 * may vary with its cycles), and JavaScript's own heap grows by less than a kilobyte per step. Needs at least about ten
 * epochs' worth of steps.
 */
export async function assertFlatMemory(options: Omit<TrainingOptions, 'epochs'>, steps = 1000): Promise<void> {
  const seen: ReturnType<typeof memory>[] = [];
  for await (const event of train({ ...options, epochs: steps, maxSteps: steps })) {
    if (event.type === 'epoch') seen.push(memory());
    if (event.type === 'warning') assert.doesNotMatch(event.message, /left \d+ tensors behind/);
    if (event.type === 'end') assert.deepEqual([event.reason, event.step], ['finished', steps]);
  }
  const half = Math.floor(seen.length / 2);
  const [first, second] = [seen.slice(0, half), seen.slice(half)];
  assert.ok(first.length >= 2, `${seen.length} epochs are too few`);
  for (const what of ['tensors', 'bytes'] as const) {
    const [before, after] = [first, second].map((part) => Math.max(...part.map((each) => each[what])));
    assert.ok(after <= before, `${what}: ${before} in the first half, ${after} in the second`);
  }
  const grown = (second.at(-1)!.heap - first.at(-1)!.heap) / (steps / 2);
  assert.ok(grown < 1024, `JavaScript's heap grows by ${Math.round(grown)} bytes a step`);
}
