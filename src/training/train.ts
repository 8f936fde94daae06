import { setImmediate } from '#platform';
import type * as tf from '@tensorflow/tfjs';
import { deriveSeed } from '../backend/random.js';
import { readable, whereReadable } from '../backend/readable.js';
import type { Augmentation } from '../data/augment.js';
import { type Normalise, defaultNormalise } from '../data/normalise.js';
import { type Batch, batchCount, batches } from '../data/batches.js';
import type { ImageSet } from '../data/imageSet.js';
import { UserError } from '../errors.js';
import { check, wholeNumber } from '../rules.js';
import { gatesOf } from '../graph/gates.js';
import type { Sparsifier } from '../sparsity/sparsifier.js';
import { AdamW } from './adam.js';
import type { Cutting } from './cutting.js';
import { crossEntropy, inputOf, type Loss } from './loss.js';
import { checkScales, checkSet } from './checkSet.js';
import { evaluate, type EvaluationOptions } from './evaluate.js';
import type { EndEvent, EpochEvent, StartEvent, TrainingEvent } from './events.js';
import { LeakWatch, firstNonFinite, firstNonFiniteWeight } from './faults.js';
import type { Optimizer } from './slots.js';
import { constant, type Schedule } from './schedules.js';
import { meansOf, trainStep, type StepResult } from './trainStep.js';
import type { WeightAverages } from './weightAverages.js';

/** A network, its images, and how it is trained. */
export interface TrainingOptions extends EvaluationOptions {
  /** Maps images to logits. Changed in place. */
  model: tf.LayersModel;
  data: { train: ImageSet; validation?: ImageSet };
  epochs: number;
  /** The maximum number of steps; the run may end within an epoch. Default: it ends after its epochs. */
  maxSteps?: number;
  /**
   * Whether each epoch omits an incomplete last batch: its few images would determine a tenth of the running statistics
   * with which the network is then evaluated. Default false.
   */
  dropLast?: boolean;
  /** Default: a new AdamW. The caller disposes an optimizer that it passes. */
  optimizer?: Optimizer;
  /** Default: constant. */
  schedule?: Schedule;
  /** The loss to minimise, in addition to penalties. Default: cross-entropy. */
  loss?: Loss;
  /** The sparsity method, if any. */
  sparsifier?: Sparsifier;
  /**
   * Updated at every step. If given, the reported accuracy and sparsity are those of the averaged network, whose
   * running statistics are computed from the first 2,048 training images. The caller disposes them.
   */
  averages?: WeightAverages;
  /**
   * Before each epoch, cuts the channels that the sparsifier has closed for good out of the network; after the epoch
   * the network is whole again. Default: no channels are cut.
   */
  cutting?: Cutting;
  /** Changes to each training image. Default none. */
  augment?: Augmentation[];
  /**
   * Progressive resizing: factors on the images' height and width in training, each for an equal part of the epochs,
   * the last part at full size. Needs a network that accepts images of any size. Default none.
   */
  scales?: readonly number[];
  /** Seed of the order of images and of augmentations. Default 0. */
  seed?: number;
  /** Steps that the model, optimizer and sparsifier have already made: the run continues after them. Default 0. */
  startStep?: number;
}

/**
 * Trains a network and yields typed events: start, one for each step and each epoch, warnings, end. Prints nothing.
 *
 * Yields to the event loop at every step. Stops before the update if the loss is not finite, naming the first faulty
 * layer. Warns of steps that leave tensors behind. A run that resumes with `startStep` makes exactly the steps that the
 * stopped run would have made. Throws a UserError for options out of range and for images that do not fit the network.
 */
export async function* train(options: TrainingOptions): AsyncGenerator<TrainingEvent, void, void> {
  const { optimizer = new AdamW(), loss = crossEntropy() } = options;
  try {
    yield* new Run({ ...options, optimizer, loss }).events();
  } finally {
    if (!options.optimizer) optimizer.dispose();
  }
}

/** The most training images from which the averaged network's running statistics are computed. */
const fittingImages = 2048;

const advice = 'Lower the learning rate, or look at the data.';

class Run {
  private readonly batchSize: number;
  private readonly normalise: Normalise;
  private readonly dropLast: boolean;
  private readonly stepsPerEpoch: number;
  private readonly totalSteps: number;
  private readonly began = performance.now();
  private readonly leaks = new LeakWatch();
  private step: number;

  constructor(private readonly options: TrainingOptions & { optimizer: Optimizer; loss: Loss }) {
    const { batchSize = 128, dropLast = false } = options;
    this.batchSize = batchSize;
    this.dropLast = dropLast;
    this.normalise = options.normalise ?? defaultNormalise;
    this.step = options.startStep ?? 0;
    this.stepsPerEpoch = batchCount(options.data.train.labels.length, { batchSize, dropLast });
    this.totalSteps = Math.min(options.maxSteps ?? Infinity, options.epochs * this.stepsPerEpoch);
    this.check();
  }

  async *events(): AsyncGenerator<TrainingEvent, void, void> {
    const { epochs, signal, model, sparsifier, averages } = this.options;
    yield this.start();
    averages?.begin(() => this.fittingBatches());
    if (gatesOf(model).length > 0 && !sparsifier) {
      yield { type: 'warning', message: 'The model has L0 gates but no L0 penalty: nothing will close them.' };
    }
    const made = this.step % this.stepsPerEpoch;
    if (made > 0 && this.step < this.totalSteps) {
      yield {
        type: 'warning',
        message: `Going on within an epoch: its means leave out the ${made} steps already made.`,
      };
    }
    const first = Math.floor(this.step / this.stepsPerEpoch);
    for (let epoch = first; epoch < epochs && this.step < this.totalSteps && !signal?.aborted; epoch++) {
      const diverged = yield* this.epoch(epoch);
      if (diverged !== undefined) return yield this.end('diverged', diverged);
    }
    if (signal?.aborted) return yield this.end('aborted', `stopped after ${this.step} steps`);
    yield this.end('finished', `trained ${this.step} steps`);
  }

  /** One epoch's steps and its summary. Returns what went wrong if the loss is no longer finite. */
  private async *epoch(epoch: number): AsyncGenerator<TrainingEvent, string | undefined, void> {
    const { signal, sparsifier, averages, model, cutting, loss, optimizer } = this.options;
    const began = performance.now();
    const startAt = this.step - epoch * this.stepsPerEpoch;
    const steps: { result: StepResult; images: number }[] = [];
    if (startAt === 0 && sparsifier) {
      await readable();
      whereReadable(() => sparsifier.beforeEpoch?.(epoch));
    }

    // The parts without the channels that are closed for good, if the run cuts them.
    const parts = (await cutting?.begin(this.options, epoch, startAt > 0)) ?? this.options;
    try {
      let prepared = performance.now();
      for (const batch of this.batches(epoch, startAt)) {
        // An epoch that has begun makes a step: a run resumed before its first step would begin it, and prune, again.
        if (signal?.aborted && steps.length > 0) return undefined;
        if (this.step === this.totalSteps) break;
        const factor = this.factor(epoch);
        this.leaks.begin(parts.model);
        const draws = deriveSeed(this.options.seed ?? 0, 'layers', this.step);
        const result = await trainStep({ ...parts, loss, seed: draws }, batch, factor);
        if (!Number.isFinite(result.loss)) return await this.blame(parts.model, batch, result);
        this.step++;
        parts.averages?.update();
        const leak = this.leaks.end(this.step);
        steps.push({ result, images: batch.size });
        const imagesPerSecond = (1000 * batch.size) / (performance.now() - prepared);
        const learningRate = factor * optimizer.lr;
        yield { type: 'step', step: this.step, epoch, ...result, imagesPerSecond, learningRate };
        if (leak) yield { type: 'warning', message: leak };
        await setImmediate();
        prepared = performance.now();
      }
    } finally {
      await cutting?.end(this.options, this.step % this.stepsPerEpoch === 0);
    }

    // No later step of the epoch would notice a fault in the last update.
    const bad = await firstNonFiniteWeight(model);
    if (bad) return `After step ${this.step} ${bad} is not finite. ${advice}`;
    const event: EpochEvent = {
      type: 'epoch',
      epoch,
      step: this.step,
      train: meansOf(steps),
      learningRate: this.factor(epoch) * optimizer.lr,
      seconds: 0,
    };
    // Also if the run stops here: a resumed run begins with the next epoch.
    await readable();
    await sparsifier?.afterEpoch?.();
    Object.assign(event, await (averages ? averages.use(() => this.judge()) : this.judge()));
    await readable(); // for callers that read the network between epochs, or after training
    yield { ...event, seconds: (performance.now() - began) / 1000 };
    return undefined;
  }

  /** The part of an epoch's event that depends on the network as it is now. */
  private async judge(): Promise<Pick<EpochEvent, 'validation' | 'sparsity'>> {
    const { batchSize, normalise } = this;
    const { data, model, sparsifier } = this.options;
    const validation = data.validation && (await evaluate(model, data.validation, { batchSize, normalise }));
    await readable();
    return {
      ...(validation && { validation }),
      ...(sparsifier?.summary && { sparsity: sparsifier.summary() }),
    };
  }

  private batches(epoch: number, startAt = 0): Generator<Batch, void, void> {
    const { data, augment, seed = 0 } = this.options;
    const { batchSize, dropLast, normalise } = this;
    const scale = this.scale(epoch);
    return batches(data.train, { batchSize, dropLast, normalise, seed, epoch, augment, scale, startAt });
  }

  private scale(epoch: number): number {
    const { scales = [], epochs } = this.options;
    return scales.at(Math.floor((epoch * (scales.length + 1)) / epochs)) ?? 1;
  }

  /** The first batches of the first epoch that trains on full-size images, without an incomplete last batch. */
  private *fittingBatches(): Generator<Batch, void, void> {
    const most = Math.max(1, Math.floor(fittingImages / this.batchSize));
    const { scales = [], epochs } = this.options;
    const epoch = Math.ceil((epochs * scales.length) / (scales.length + 1));
    for (const batch of this.batches(epoch)) {
      if (batch.index === most || (batch.index > 0 && batch.size < this.batchSize)) return;
      yield batch;
    }
  }

  private factor(epoch: number): number {
    return (this.options.schedule ?? constant)({ epoch, step: this.step, totalSteps: this.totalSteps });
  }

  private async blame(
    model: tf.LayersModel,
    batch: Batch,
    { loss, crossEntropy, penalty }: StepResult,
  ): Promise<string> {
    const { x, labels } = inputOf(batch);
    const culprit = await firstNonFinite(model, x);
    x.dispose();
    labels.dispose();
    const cause = culprit ?? `cross-entropy ${crossEntropy}, penalty ${penalty}`;
    return `The loss is ${loss} at step ${this.step + 1}; the first thing that is not finite is ${cause}. ` + advice;
  }

  private start(): StartEvent {
    const { model, optimizer, sparsifier, data, epochs, maxSteps } = this.options;
    return {
      type: 'start',
      model: model.name,
      optimizer: optimizer.name,
      sparsifier: sparsifier?.name,
      parameters: model.trainableWeights.reduce((n, weight) => n + weight.read().size, 0),
      trainingImages: data.train.labels.length,
      validationImages: data.validation?.labels.length ?? 0,
      batchSize: this.batchSize,
      epochs,
      stepsPerEpoch: this.stepsPerEpoch,
      ...(maxSteps !== undefined && { maxSteps }),
      startStep: this.step,
    };
  }

  private end(reason: EndEvent['reason'], message: string): EndEvent {
    return { type: 'end', reason, message, step: this.step, seconds: (performance.now() - this.began) / 1000 };
  }

  private check(): void {
    const { epochs, maxSteps, data, model, sparsifier, averages, scales = [], seed = 0 } = this.options;
    const checkOwn = (what: string, own: tf.LayersModel | undefined, mend: string): void => {
      if (own === undefined || own === model) return;
      throw new UserError(
        `${what} must be made for the network that is trained, ${model.name}; received what was made for another ` +
          `(${own.name}), and would change nothing here. ${mend}`,
      );
    };
    checkOwn(sparsifier?.name ?? '', sparsifier?.model, 'withGates returns a new network: make it for that.');
    checkOwn('The averages', averages?.model, 'Make them for this one: new WeightAverages(model).');
    const counts = { epochs, maxSteps: maxSteps ?? 0, startStep: this.step };
    for (const [name, count] of Object.entries(counts)) check(name, count, wholeNumber({ min: 0 }));
    check('seed', seed, wholeNumber());
    check('batchSize', this.batchSize, wholeNumber({ min: 1 }));
    for (const set of [data.train, data.validation]) if (set) checkSet(model, set);
    if (this.stepsPerEpoch === 0) {
      throw new UserError(
        `dropLast must leave a batch; the training set ${data.train.name} has ${data.train.labels.length} images, fewer than a ` +
          `batch of ${this.batchSize}. Make batches smaller, or leave dropLast out.`,
      );
    }
    if (model.trainableWeights.length === 0) {
      throw new UserError(
        `${model.name} must have weights to train; received one whose weights are all frozen or int8. Unfreeze some, or train the float network.`,
      );
    }
    if (scales.length > 0) checkScales(model, scales);
    this.options.cutting?.check(this.options);
  }
}
