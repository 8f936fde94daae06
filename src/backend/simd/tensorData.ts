import type * as tf from '@tensorflow/tfjs';
import type { Grid, Relu } from '../fusedOps.js';

export type Values = tf.backend_util.BackendValues;

/** What the backend knows of a tensor: its values and, if they lie on the heap, their address. */
export interface HeapData {
  values?: Values;
  pointer?: number;
  /** A block that is freed with the tensor: data that its kernel keeps for the gradient. */
  companion?: number;
  /** A block with data derived from the values, and the key of that data. */
  derived?: { key: string; block: number };
  /** A name that no other data has. */
  name?: number;
  /**
   * The number of channels, if the values of each are known to add up to zero, as in every gradient that went back
   * through a normalisation.
   */
  balanced?: number;
  deferred?: Deferred;
  /** Other tensors, deferred until this one is read. */
  alongside?: tf.TensorInfo[];
  refCount: number;
  /** The number of floats in the tensor and in a pixel: set if the values were deferred. */
  size?: number;
  row?: number;
}

/**
 * Work that computes a tensor's values later. Often their consumer can compute them better: a concatenation lets a
 * batch normalisation write between other channels, a sum lets a convolution add to existing values. Each work has
 * either `write` or `make`.
 */
export interface Deferred {
  /** The tensors that the work will read; they are held until it is done or no longer wanted. */
  reads: tf.TensorInfo[];
  /** A block that belongs to the work and is freed with it. */
  block?: number;
  /** Computes the values into `to`; `row` floats lie between the starts of its pixels. */
  write?(to: number, row: number): void;
  /** Whether `write` costs less than reading its values from memory: it may then run several times. */
  repeatable?: boolean;
  /** Adds the values to those at `to`, pixels side by side, if the work can do that. */
  addTo?(to: number): void;
  /** Computes the values in a block of its own choice, which the caller then owns. */
  make?(): number;
  /**
   * Returns the same work, also deferred, with an ending applied to each value, which costs almost nothing while the
   * value is in a register.
   */
  then?(ending: Ending): Deferred;
  /** The values as codes of 7 bits; floats are made only for consumers that cannot read codes. */
  coded?: Coded;
  /**
   * Where the values already are, if not side by side: the address of the first pixel and the floats between pixels.
   */
  view?: Strided;
}

/** Values that lie on a grid. */
export interface Coded {
  grid: Grid;
  channels: number;
  /** Writes the codes to `to`; `row` bytes lie between the starts of its pixels. */
  write(to: number, row: number): void;
}

/** y = relu?(scale * x + shift), channel by channel. */
export interface Ending {
  affine?: Affine;
  relu: Relu;
  /** A block that is freed with the work: where scale and shift lie. */
  block?: number;
}

/** Addresses of one float per channel, and a key of the scale: equal keys mean equal values. */
export interface Affine {
  scale: number;
  shift: number;
  key: string;
}

/** Pixels in memory: the address of the first, and the floats from each pixel to the next. */
export interface Strided {
  pointer: number;
  row: number;
}
