import type { State } from '../../sparsity/sparsifier.js';
import type { Scores } from '../events.js';
import type { Provenance } from '../log/provenance.js';
import type { SavedTensor } from '../../formats/safetensors.js';

/** Everything that training has made of the model, the optimizer, the sparsity method and the averages. */
export interface TrainedState {
  /** Every weight of the model by name (layer/weight), running statistics among them. */
  weights: Map<string, SavedTensor>;
  /** How many times each gate of the model has drawn noise, by name. */
  draws: Record<string, number>;
  optimizer: { name: string; state: State };
  sparsifier?: { name: string; state: State };
  /** Averages of the weights, where the run keeps them. */
  averages?: State;
}

/** What a checkpoint holds. */
export interface CheckpointState extends TrainedState {
  /** Steps made. */
  step: number;
  /** The epoch that the next step belongs to, from 0; steps before it in that epoch are not made again. */
  epoch: number;
  /** The validation set's scores, if the checkpoint is of the end of an epoch. */
  validation?: Scores;
  /** Whether it comes too early in its run to be the best one while there are later ones. */
  early?: boolean;
  /** The settings of the run, as JSON. */
  settings: unknown;
  provenance?: Provenance;
}

/** A checkpoint as it was read. */
export interface Checkpoint extends CheckpointState {
  path: string;
}

/** The files of a checkpoint's folder. */
export const checkpointFiles = {
  weights: 'weights.safetensors',
  state: 'state.safetensors',
  description: 'checkpoint.json',
  /** SHA-256 of the other three, as `sha256sum --check` reads it. */
  sums: 'SHA256SUMS',
} as const;

export const formatName = 'sparsebook checkpoint';
export const formatVersion = 1;
