import * as tf from '@tensorflow/tfjs';
import { Plan, sizeOf } from '../backend/simd/plan.js';
import { Recording } from '../backend/simd/recording.js';
import { SimdBackend } from '../backend/simd/simdBackend.js';
import { UserError } from '../errors.js';
import { check, wholeNumber } from '../rules.js';
import { forward } from '../graph/gates.js';
import { leafLayers } from '../graph/names.js';
import { networkGraph } from '../graph/networkGraph.js';

/** Options of `compile`. */
export interface CompileOptions {
  /** The number of images that `predict` usually gets. Default 1. */
  batchSize?: number;
}

/** An input of a network: a tensor [N, ...], or its values. */
export type PlanInput = tf.Tensor | tf.TypedArray;

/**
 * The most images in one pass: when threads share the work of each layer, and when each thread takes images through all
 * layers.
 */
const MOST_TOGETHER = 128;
const MOST_APART = 8;
/**
 * The tolerance of outputs, relative to the largest: with another number of images, sums may be taken in another order.
 */
const TOLERANCE = 1e-4;

/** A network frozen at the time of its compilation: see `compile`. */
export class CompiledPlan {
  private disposed = false;

  /** Use `compile`. */
  constructor(
    private readonly network: { name: string; inputNames: string[] },
    private readonly plan: Plan,
  ) {}

  /** The number of images in one pass: `forward` returns the same bits for this number of images. */
  get imagesAtOnce(): number {
    return this.plan.atOnce;
  }

  /**
   * The network's outputs for one or more images, [N, ...]: the same as `model.predict` returns. Several inputs form a
   * list, and so do several outputs; the caller disposes the outputs. Throws a UserError for inputs of other shapes,
   * and once the plan is disposed.
   */
  predict(input: PlanInput | PlanInput[]): tf.Tensor | tf.Tensor[] {
    const { name } = this.network;
    if (this.disposed) throw new UserError(`The plan of ${name} is disposed: compile the network again.`);
    const inputs = this.valuesOf(Array.isArray(input) ? input : [input]);
    const images = inputs[0].length / sizeOf(this.plan.inputs[0]);
    const outputs = this.plan.outputs.map((place) => {
      return tf.util.getArrayFromDType(place.dtype, images * sizeOf(place)) as tf.TypedArray;
    });
    this.plan.run(inputs, outputs);
    const tensors = this.plan.outputs.map(({ shape, dtype }, i) => {
      return tf.tensor(outputs[i], [images, ...shape.slice(1)], dtype);
    });
    return tensors.length === 1 ? tensors[0] : tensors;
  }

  /** Frees the plan's memory. */
  dispose(): void {
    if (!this.disposed) this.plan.dispose();
    this.disposed = true;
  }

  /** The values of each input, all for the same number of images. */
  private valuesOf(given: PlanInput[]): tf.TypedArray[] {
    const { name, inputNames } = this.network;
    const places = this.plan.inputs;
    if (given.length !== places.length) {
      throw new UserError(
        `${name} must be given ${inputNames.length === 1 ? 'its input' : `its ${inputNames.length} inputs`}, ${inputNames.join(', ')}; received ${given.length}.`,
      );
    }
    for (const [i, input] of given.entries()) {
      const dtype = input instanceof tf.Tensor ? input.dtype : '';
      const isNumbers = dtype ? !['string', 'complex64'].includes(dtype) : ArrayBuffer.isView(input);
      if (isNumbers && !(input instanceof BigInt64Array || input instanceof BigUint64Array)) continue;
      const received = dtype ? `a tensor of ${dtype}` : Object.prototype.toString.call(input);
      throw new UserError(
        `The input ${inputNames[i]} of ${name} must be a tensor of numbers, or its values in a typed array; received ${received}.`,
      );
    }
    const sizes = given.map((input) => (input instanceof tf.Tensor ? input.size : input.length));
    const images = sizes[0] / sizeOf(places[0]);
    return given.map((input, i) => {
      const wanted = places[i].shape.slice(1);
      const fits = sizes[i] === images * sizeOf(places[i]) && Number.isInteger(images) && images > 0;
      if (!fits || (input instanceof tf.Tensor && String(input.shape.slice(1)) !== String(wanted))) {
        const received = input instanceof tf.Tensor ? `[${input.shape.join(', ')}]` : `${input.length} values`;
        throw new UserError(
          `The input ${inputNames[i]} of ${name} must be [N, ${wanted.join(', ')}], with the same N for all inputs; received ${received}.`,
        );
      }
      return input instanceof tf.Tensor ? input.dataSync() : input;
    });
  }
}

/**
 * Compiles a network to a plan on backend simd: its kernel jobs on memory that is laid out once, without the layers
 * around them. The plan keeps the weights, running statistics and gates of the moment of compilation. It computes the
 * same bits as `forward` for `imagesAtOnce` images, with any number of threads. The caller disposes it; the network may
 * be disposed earlier.
 *
 * Throws a UserError on another backend, for inputs of unknown size, and for a layer whose call reads values, keeps
 * tensors, draws random numbers or mixes the images of a batch.
 */
export function compile(model: tf.LayersModel, { batchSize = 1 }: CompileOptions = {}): CompiledPlan {
  check('batchSize', batchSize, wholeNumber({ min: 1 }));
  const backend = tf.backend();
  if (!(backend instanceof SimdBackend)) {
    throw new UserError(
      `The backend must be simd to compile a network; it is ${tf.getBackend()}. Call useBackend({ backend: 'simd' }) first, or use model.predict.`,
    );
  }
  const unknown = model.inputs.find(({ shape }) => shape.slice(1).includes(null));
  if (unknown) {
    const shape = unknown.shape.slice(1).map((n) => n ?? '?');
    throw new UserError(
      `The input ${unknown.name} of ${model.name} must have a fixed size to be compiled; it is [N, ${shape.join(', ')}].`,
    );
  }
  const plan = new Plan(
    backend,
    (images, constants) => {
      const inputs = model.inputs.map(({ shape, dtype }) => ({
        shape: [images, ...(shape.slice(1) as number[])],
        dtype,
      }));
      const compute = (tensors: tf.Tensor[], recording: Recording): tf.Tensor[] =>
        naming(model, recording, () => [forward(model, tensors)].flat());
      return Recording.record(backend, inputs, compute, constants);
    },
    {
      images: batchSize,
      together: Math.ceil(batchSize / Math.ceil(batchSize / MOST_TOGETHER)),
      apart: batchSize > 1 && hasFewWeights(model) ? Math.min(MOST_APART, Math.ceil(batchSize / 4)) : undefined,
    },
  );
  const { name, inputNames } = model;
  const compiled = new CompiledPlan({ name, inputNames }, plan);
  if (givesTheSame(model, compiled, plan)) return compiled;
  compiled.dispose();
  throw new UserError(
    `The plan of ${name} gives other values than the network: a layer draws random numbers in its call, or mixes the images ` +
      `of a batch. Use model.predict.`,
  );
}

/** Whether small batches pay off: each pass reads all weights again, but the values between layers stay in cache. */
function hasFewWeights(model: tf.LayersModel): boolean {
  const shapes = networkGraph(model).nodes.map(({ outputShape }) => outputShape.slice(1) as number[]);
  return model.countParams() <= shapes.reduce((sum, shape) => sum + tf.util.sizeFromShape(shape), 0);
}

/** Runs `work` and tells the recording which layer is computing. */
function naming<T>(model: tf.LayersModel, recording: Recording, work: () => T): T {
  recording.layer = model.name;
  const layers = leafLayers(model);
  const before = layers.map((layer) => Object.getOwnPropertyDescriptor(layer, 'call'));
  for (const layer of layers) {
    const call = layer.call.bind(layer);
    layer.call = (...given) => {
      recording.layer = `The layer ${layer.name} (${layer.getClassName()})`;
      return call(...given);
    };
  }
  try {
    return work();
  } finally {
    layers.forEach((layer, i) => {
      Reflect.deleteProperty(layer, 'call');
      if (before[i]) Object.defineProperty(layer, 'call', before[i]);
    });
  }
}

/**
 * Whether a plan computes the same as its network for images other than those it was recorded with, and for one image
 * more than fits in a pass.
 */
function givesTheSame(model: tf.LayersModel, compiled: CompiledPlan, { atOnce, inFlight, outputs }: Plan): boolean {
  if (outputs.some(({ shape }) => shape[0] !== atOnce)) return false;
  return tf.tidy(() => {
    const images = model.inputs.map(({ shape, dtype }, i) => {
      // Whole numbers below 1 would all be 0.
      const most = dtype === 'float32' ? 1 : 2;
      return tf.randomUniform([inFlight + 1, ...(shape.slice(1) as number[])], 0, most, dtype, i + 1);
    });
    const got = [compiled.predict(images)].flat();
    return [forward(model, images)].flat().every((output, i) => {
      const [a, b] = [output, got[i]].map((tensor) => tensor.dataSync() as Float32Array);
      const largest = a.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 0);
      return a.every((value, j) => Object.is(value, b[j]) || Math.abs(value - b[j]) <= TOLERANCE * largest);
    });
  });
}
