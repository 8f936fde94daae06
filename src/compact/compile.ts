import * as tf from '@tensorflow/tfjs';
import { Recording, type Place, type Recorded } from '../backend/simd/recording.js';
import { SimdBackend } from '../backend/simd/simdBackend.js';
import { UserError } from '../errors.js';
import { forward } from '../graph/gates.js';
import { leafLayers } from '../graph/names.js';

/** What `compile` can be told. */
export interface CompileOptions {
  /** How many images `predict` is mostly given at once. Default 1. */
  batchSize?: number;
}

/** What an input of a network is given: a tensor [N, ...], or its values. */
export type PlanInput = tf.Tensor | tf.TypedArray;

/** Images that pass a network at once at most. */
const MOST_AT_ONCE = 128;
/** How far outputs may be off, as a share of the largest: sums over another number of images may be taken in another order. */
const TOLERANCE = 1e-4;

const sizeOf = ({ shape }: Place): number => tf.util.sizeFromShape(shape.slice(1));

/** A network as it was when it was compiled. */
export class CompiledPlan {
  /** Use `compile`. */
  constructor(
    private readonly name: string,
    private readonly inputNames: string[],
    private recorded: Recorded | undefined,
  ) {}

  /**
   * The network's outputs for one or more images, [N, ...] each: what `model.predict` gives. One input for each of the network's, a list
   * where it has several, and a list of outputs likewise; the caller disposes them. The last images are filled up with zeros to what
   * passes at once. Throws a UserError for inputs of other shapes, and once the plan is disposed.
   */
  predict(input: PlanInput | PlanInput[]): tf.Tensor | tf.Tensor[] {
    if (!this.recorded) throw new UserError(`The plan of ${this.name} is disposed: compile the network again.`);
    const { recorded } = this;
    const { inputs, outputs } = recorded;
    const given = this.valuesOf(Array.isArray(input) ? input : [input], inputs);
    const atOnce = inputs[0].shape[0];
    const images = given[0].length / sizeOf(inputs[0]);
    const results = outputs.map(
      (place) => tf.util.getArrayFromDType(place.dtype, images * sizeOf(place)) as Float32Array,
    );
    for (let from = 0; from < images; from += atOnce) {
      inputs.forEach((place, i) => place.write(part(given[i], from, place)));
      recorded.run();
      outputs.forEach((place, i) => {
        const values = place.read() as Float32Array;
        results[i].set(values.subarray(0, results[i].length - from * sizeOf(place)), from * sizeOf(place));
      });
    }
    const tensors = outputs.map(({ shape, dtype }, i) => tf.tensor(results[i], [images, ...shape.slice(1)], dtype));
    return tensors.length === 1 ? tensors[0] : tensors;
  }

  /** Gives the plan's memory back. */
  dispose(): void {
    this.recorded?.dispose();
    this.recorded = undefined;
  }

  /** The values of each input, for the same number of images. */
  private valuesOf(given: PlanInput[], places: Place[]): tf.TypedArray[] {
    const names = this.inputNames.join(', ');
    if (given.length !== places.length) {
      throw new UserError(`${this.name} has ${places.length} inputs, ${names}; received ${given.length}.`);
    }
    const sizes = given.map((input) => (input instanceof tf.Tensor ? input.size : input.length));
    const images = sizes[0] / sizeOf(places[0]);
    return given.map((input, i) => {
      const wanted = places[i].shape.slice(1);
      const fits = sizes[i] === images * sizeOf(places[i]) && Number.isInteger(images) && images > 0;
      if (!fits || (input instanceof tf.Tensor && String(input.shape.slice(1)) !== String(wanted))) {
        const received = input instanceof tf.Tensor ? `[${input.shape.join(', ')}]` : `${input.length} values`;
        throw new UserError(
          `The input ${this.inputNames[i]} of ${this.name} is [N, ${wanted.join(', ')}], with one N for all inputs; received ${received}.`,
        );
      }
      return input instanceof tf.Tensor ? input.dataSync() : input;
    });
  }
}

/** The values of the images that pass at once from one of them on, in the type of their place. */
function part(values: tf.TypedArray, from: number, place: Place): tf.TypedArray {
  const n = tf.util.sizeFromShape(place.shape);
  const some = values.subarray(from * sizeOf(place), from * sizeOf(place) + n);
  if (some.length === n && place.dtype === 'float32') return some;
  const whole = tf.util.getArrayFromDType(place.dtype, n) as Float32Array;
  whole.set(some);
  return whole;
}

/**
 * Makes a plan of a network on backend simd: what it computes, without its layers. Its memory is laid out once, weights, running statistics and
 * gates are those of now: a plan does not see later ones. It gives the bits of `forward(model, images)` for as many images as pass at once.
 * The caller disposes it; the network may go before it.
 *
 * Throws a UserError on another backend, for inputs of unknown size, and for a layer whose call reads values, keeps tensors, draws
 * numbers or mixes the images of a batch.
 */
export function compile(model: tf.LayersModel, { batchSize = 1 }: CompileOptions = {}): CompiledPlan {
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new UserError(`batchSize is a whole number of at least 1; received ${batchSize}.`);
  }
  const backend = tf.backend();
  if (!(backend instanceof SimdBackend)) {
    throw new UserError(
      `Networks are compiled on backend simd alone; this is ${tf.getBackend()}. Call useBackend({ backend: 'simd' }) first, or model.predict.`,
    );
  }
  const atOnce = Math.ceil(batchSize / Math.ceil(batchSize / MOST_AT_ONCE));
  const inputs = model.inputs.map(({ shape: [, ...sides], dtype, name }) => {
    if (!sides.includes(null)) return { shape: [atOnce, ...(sides as number[])], dtype };
    throw new UserError(
      `A plan is made for images of one size; the input ${name} of ${model.name} is [N, ${sides.map((n) => n ?? '?').join(', ')}].`,
    );
  });
  const recorded = Recording.record(backend, inputs, (tensors, recording) =>
    naming(model, recording, () => [forward(model, tensors)].flat()),
  );
  const plan = new CompiledPlan(model.name, model.inputNames, recorded);
  if (recorded.outputs.every(({ shape }) => shape[0] === atOnce) && givesTheSame(model, plan, atOnce + 1)) return plan;
  plan.dispose();
  throw new UserError(
    `A plan of ${model.name} does not give what the network gives: a layer draws numbers in its call, or mixes the images of a batch. ` +
      `Call the network itself.`,
  );
}

/** Does some work while the recording is told which layer computes. */
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

/** Whether a plan computes what its network does, for images that it has not been recorded with. */
function givesTheSame(model: tf.LayersModel, plan: CompiledPlan, count: number): boolean {
  return tf.tidy(() => {
    const images = model.inputs.map(({ shape, dtype }, i) =>
      tf.randomUniform([count, ...(shape.slice(1) as number[])], 0, 1, dtype as 'float32', i + 1),
    );
    const got = [plan.predict(images)].flat();
    return [forward(model, images)].flat().every((output, i) => {
      const [a, b] = [output, got[i]].map((tensor) => tensor.dataSync() as Float32Array);
      const largest = a.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 0);
      return a.every((value, j) => Object.is(value, b[j]) || Math.abs(value - b[j]) <= TOLERANCE * largest);
    });
  });
}
