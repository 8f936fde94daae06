import type { DataSizes } from '../../data/dataSplits.js';
import type { SomeSettings } from '../settings/schema.js';
import type { FreezePruneSettings } from './freezePruneSettings.js';

/** A network after an epoch, counted from 1; shares are between 0 and 1. */
export interface FreezePruneEpoch {
  epoch: number;
  training: number;
  validation: number;
  /** Share of the kernels' entries that are 0. */
  sparsity: number;
}

/** One run of a sweep: how it went, and what the epoch that was best on validation came to. */
export interface FreezePruneRecord {
  /** What was tried: `freeze 10 %`. */
  task: string;
  seed: number;
  /** Where its weights come from. */
  start: 'new weights' | 'pre-trained' | 'fine-tuned';
  epochs: FreezePruneEpoch[];
  /** The epoch that was picked, and its network's scores. */
  best: number;
  validation: number;
  test: number;
  sparsity: number;
  /** Share of zeros in each kernel then, by its name, from input to output. */
  zeros: Record<string, number>;
  seconds: number;
}

/** Accuracy on validation right after pruning a share of a trained network's weights, without any training. */
export interface CutRecord {
  seed: number;
  prune: number;
  validation: number;
}

/** What `npm run sweep:freeze-prune` saves. */
export interface FreezePruneSweep {
  about: {
    data: string;
    /** Backend, processor, versions. */
    machine: string;
    sizes: Required<DataSizes>;
    /** What all runs have in common. */
    settings: SomeSettings<FreezePruneSettings>;
  };
  /** The runs, each with the settings of its own. */
  records: (FreezePruneRecord & { settings: SomeSettings<FreezePruneSettings> })[];
  cuts: CutRecord[];
}
