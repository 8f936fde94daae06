import type * as tf from '@tensorflow/tfjs';
import type { Grid, Relu } from '../fusedOps.js';

export type Values = tf.backend_util.BackendValues;

/** What the backend knows of a tensor: its values and, if they lie on the heap, where. */
export interface HeapData {
  values?: Values;
  pointer?: number;
  /** A block that is freed with the tensor: what its kernel wants to remember for the gradient. */
  companion?: number;
  /** A block with something that was made of the values, and what it is. */
  derived?: { key: string; block: number };
  /** A name that no other data has. */
  name?: number;
  /**
   * How many channels there are, where the values of each are known to add up to zero, as of every gradient that went
   * back through a normalisation.
   */
  balanced?: number;
  deferred?: Deferred;
  /** Others that are put off until this one is read. */
  alongside?: tf.TensorInfo[];
  refCount: number;
  /** Floats in all and in a pixel: known while there are no values yet. */
  size?: number;
  row?: number;
}

/**
 * The values of a tensor that are not computed yet. Often their consumer can compute them better: a concatenation lets
 * a batch normalisation write between other channels, a sum lets a convolution add to what is there. Each work has
 * either `write` or `make`.
 */
export interface Deferred {
  /** The tensors that the work will read; they are held until it is done or no longer wanted. */
  reads: tf.TensorInfo[];
  /** A block of its own that is freed with it. */
  block?: number;
  /** Computes the values into `to`; `row` floats lie between the starts of its pixels. */
  write?(to: number, row: number): void;
  /** Whether `write` costs less than to read what it wrote from memory: it may then be done several times. */
  repeatable?: boolean;
  /** Adds the values to those at `to`, pixels side by side, where the work can do that. */
  addTo?(to: number): void;
  /** Computes the values in a block of its own choice, which it gives away. */
  make?(): number;
  /**
   * The same work with more to do to each value, which costs next to nothing while it is in a register; put off as
   * well.
   */
  then?(ending: Ending): Deferred;
  /** The values as codes of 7 bits, of which floats are made only for those who cannot read codes. */
  coded?: Coded;
  /**
   * Where the values already are, though not side by side: the address of the first pixel and the floats between
   * pixels.
   */
  view?: Strided;
}

/** Values that lie on a grid. */
export interface Coded {
  grid: Grid;
  channels: number;
  /** Puts the codes to `to`; `row` bytes lie between the starts of its pixels. */
  write(to: number, row: number): void;
}

/** y = relu?(scale * x + shift), channel by channel. */
export interface Ending {
  affine?: Affine;
  relu: Relu;
  /** A block that is freed with the work: where scale and shift lie. */
  block?: number;
}

/** Addresses of a float for each channel, and a name for the scale: the same name, the same values. */
export interface Affine {
  scale: number;
  shift: number;
  key: string;
}

/** Pixels in memory: the address of the first one, and how many floats further the next one is. */
export interface Strided {
  pointer: number;
  row: number;
}
