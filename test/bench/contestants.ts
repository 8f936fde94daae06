import * as tf from '@tensorflow/tfjs';
import { gatesOf } from 'sparsebook/graph/gates.js';
import { randomFlip } from 'sparsebook/data/augment.js';
import { randomResizedCrop } from 'sparsebook/data/resizedCrop.js';
import type { DataSplits } from 'sparsebook/data/dataSplits.js';
import { compile, type CompiledPlan } from 'sparsebook/compact/compile.js';
import { c3 } from 'sparsebook/models/c3.js';
import { cnn4 } from 'sparsebook/models/cnn4.js';
import { googleNet } from 'sparsebook/models/googleNet.js';
import { mobileNetV2 } from 'sparsebook/models/mobileNetV2.js';
import { resnet18 } from 'sparsebook/models/resnet18.js';
import { resnet20 } from 'sparsebook/models/resnet20.js';
import { l0Sparsifier } from 'sparsebook/sparsity/l0.js';
import { Adam, AdamW } from 'sparsebook/training/adam.js';
import { Sgd } from 'sparsebook/training/sgd.js';
import { train } from 'sparsebook/training/train.js';
import type { TrainingEvent } from 'sparsebook/training/events.js';
import { startPeer } from './peer.ts';

/**
 * One side of a comparison: runs a training step, if it can train, or a forward pass on request. Times in milliseconds.
 */
export interface Contestant {
  name: string;
  trainStep?(): Promise<number>;
  forward(batch: number): Promise<number>;
  close(): void;
}

/** The networks with their published settings: batch size and optimizer. */
export const networks = {
  googleNet: { batch: 128, peer: 'googleNet' },
  'googleNet, gates': { batch: 128, peer: 'googleNet+gates' },
  resnet20: { batch: 125, peer: 'resnet20' },
  c3: { batch: 128, peer: 'c3' },
  resnet18: { batch: 128, peer: 'resnet18' },
  cnn4: { batch: 125, peer: 'cnn4' },
  mobileNetV2: { batch: 128, peer: 'mobileNetV2' },
} as const;

export type NetworkName = keyof typeof networks;

type Run = { model: tf.LayersModel; events: AsyncGenerator<TrainingEvent, void, void> };

const run = (model: tf.LayersModel, data: DataSplits, batchSize: number, optimizer: Adam | Sgd): Run => ({
  model,
  events: train({
    model,
    // Without a validation set: only steps are timed.
    data: { train: data.train },
    epochs: 1000,
    batchSize,
    optimizer,
    sparsifier: gatesOf(model).length > 0 ? l0Sparsifier(model, { lambda_l0: 10 }) : undefined,
    augment: [randomFlip, randomResizedCrop()],
  }),
});

const adamW = (): AdamW => new AdamW({ lr: 1e-3, weight_decay: 1e-4 });

const builders: Record<NetworkName, (data: DataSplits, batch: number) => Run> = {
  googleNet: (data, batch) => run(googleNet(), data, batch, adamW()),
  'googleNet, gates': (data, batch) => run(googleNet({ gates: { droprate_init: 0.05 } }), data, batch, adamW()),
  resnet20: (data, batch) => run(resnet20(), data, batch, new Sgd({ lr: 0.01 })),
  c3: (data, batch) => run(c3(), data, batch, new Sgd({ lr: 0.01 })),
  resnet18: (data, batch) => run(resnet18(), data, batch, new Adam({ lr: 1e-3 })),
  cnn4: (data, batch) => run(cnn4(), data, batch, new Sgd({ lr: 0.01 })),
  mobileNetV2: (data, batch) => run(mobileNetV2(), data, batch, new Sgd({ lr: 0.01 })),
};

/** The time of a forward pass, reading the result back included. */
async function timed(batch: number, pass: (x: tf.Tensor) => tf.Tensor): Promise<number> {
  const x = tf.zeros([batch, 32, 32, 3]);
  const began = performance.now();
  const y = pass(x);
  await y.data();
  const elapsed = performance.now() - began;
  tf.dispose([x, y]);
  return elapsed;
}

/**
 * sparsebook on the active backend, through the trainer that notebooks use: augmentation, metrics and optimizer
 * included. On simd also the plans of the same network, which only run forward passes.
 */
export function ours(network: NetworkName, data: DataSplits): Contestant[] {
  const { model, events } = builders[network](data, networks[network].batch);
  const plans = new Map<number, CompiledPlan>();
  const plan = (batchSize: number): CompiledPlan => {
    if (!plans.has(batchSize)) plans.set(batchSize, compile(model, { batchSize }));
    return plans.get(batchSize)!;
  };
  const trained: Contestant = {
    name: 'sparsebook',
    async trainStep() {
      for (;;) {
        const began = performance.now();
        const { value, done } = await events.next();
        if (done || value.type === 'end') throw new Error(`${network} stopped training`);
        if (value.type === 'step') return performance.now() - began;
      }
    },
    forward: (batch) => timed(batch, (x) => model.predict(x, { batchSize: batch }) as tf.Tensor),
    close: () => model.dispose(),
  };
  const compiled: Contestant = {
    name: 'sparsebook, plan',
    forward: (batch) => timed(batch, (x) => plan(batch).predict(x) as tf.Tensor),
    close: () => plans.forEach((plan) => plan.dispose()),
  };
  return tf.getBackend() === 'simd' ? [trained, compiled] : [trained];
}

/** How PyTorch is run: memory layout, and whether malloc is kept from returning large buffers to the system. */
export interface TorchSetting {
  layout: 'channels_last' | 'nchw';
  tunedMalloc?: boolean;
}

/** PyTorch in a process of its own that waits idle between its turns; undefined if PyTorch is not installed. */
export async function torch(
  network: NetworkName,
  threads: number,
  { layout, tunedMalloc = false }: TorchSetting,
): Promise<Contestant | undefined> {
  const peer = await startPeer('pytorch.py', [networks[network].peer, layout, String(threads)], { tunedMalloc });
  if (!peer?.ready.startsWith('ready')) return undefined;
  const ask = async (job: string): Promise<number> => Number(await peer.ask(job));
  return {
    name: `PyTorch ${peer.ready.slice(6)} ${layout}${tunedMalloc ? ', tuned malloc' : ''}`,
    trainStep: () => ask('train'),
    forward: (batch) => ask(`forward ${batch}`),
    close: () => peer.close(),
  };
}
