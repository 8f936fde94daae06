import * as tf from '@tensorflow/tfjs';
import { deriveSeed } from '../../backend/random.js';
import { completeCount } from '../../compact/counts.js';
import { batchCount } from '../../data/batches.js';
import { pickImages } from '../../data/imageSet.js';
import type { DataSplits } from '../../data/dataSplits.js';
import { loadData } from '../../data/loadData.js';
import { UserError } from '../../errors.js';
import { networkGraph } from '../../graph/networkGraph.js';
import type { Sparsifier } from '../../sparsity/sparsifier.js';
import { checkSet } from '../../training/checkSet.js';
import type { NoteEvent, TrainingEvent } from '../../training/events.js';
import { crossEntropy, type Loss } from '../../training/loss.js';
import { makeOptimizer } from '../../training/optimizer.js';
import type { Optimizer } from '../../training/slots.js';
import { Cutting } from '../../training/cutting.js';
import { train } from '../../training/train.js';
import { WeightAverages } from '../../training/weightAverages.js';
import type { ExperimentSettings } from '../experimentSettings.js';
import { buildNetwork, type StartNetwork } from '../networks.js';
import type { MethodContext } from '../methods/method.js';
import { Notes } from './notes.js';
import { augmentationsOf, normalisationOf, scheduleOf } from '../recipe.js';
import { buildMethods } from './saved.js';
import type { RunLength } from '../settings/schema.js';

/** The length of a run; `begun` epochs begin, fewer than `epochs` if `max_steps` ends the run earlier. */
interface Length extends RunLength {
  begun: number;
}

/**
 * An experiment that is built and ready to be trained: everything that its settings describe, as tensors and objects.
 */
export interface Session {
  readonly settings: ExperimentSettings;
  readonly data: DataSplits;
  readonly model: tf.LayersModel;
  readonly optimizer: Optimizer;
  readonly sparsifier?: Sparsifier;
  /** Averages of the network's weights, if the run keeps any: these are evaluated. */
  readonly averages?: WeightAverages;
  readonly cutting?: Cutting;
  /** The network's topology as Keras JSON, if the settings do not describe it. */
  readonly topology?: object;
  /** What was done to the network before the first step, for people to read. */
  readonly opening?: string;
  /** Warnings for the user before the first step. */
  readonly warnings: readonly string[];
  readonly length: Length;
  /** Trains from `startStep` on, whose state must have been restored; `signal` ends it between two steps. */
  events(signal?: AbortSignal, startStep?: number): AsyncGenerator<TrainingEvent, void, void>;
  /** Frees the network's variables and the optimizer's memory. */
  dispose(): void;
}

/**
 * A loss that is given scale * softmax(logits) where it expects logits. At scale 1 the values differ by 1 at most, so
 * that cross-entropy over 10 classes stays above ln(e + 9) - 1 = 1.46 and its gradients nearly vanish.
 */
export function softmaxInLoss(loss: Loss, scale: number): Loss {
  return (logits, labels) => tf.tidy(() => loss(logits.softmax().mul<tf.Tensor2D>(scale), labels));
}

/** All images that the settings name. */
export async function imagesOf({ data, sizes, image_size, classes }: ExperimentSettings): Promise<DataSplits> {
  const given = Object.fromEntries(Object.entries(sizes).filter(([, size]) => size !== null));
  return loadData(data, { sizes: given, imageSize: image_size ?? undefined, classes: classes ?? undefined });
}

/** The data with one half of its training images; the two halves have no image in common. */
export function halfOf(data: DataSplits, half: ExperimentSettings['half']): DataSplits {
  if (half === 'all') return data;
  const { train } = data;
  const middle = Math.ceil(train.labels.length / 2);
  const [start, end] = half === 'first' ? [0, middle] : [middle, train.labels.length];
  const indices = Uint32Array.from({ length: end - start }, (_, i) => start + i);
  return { ...data, train: pickImages(train, indices, `${train.name}, ${half} half`) };
}

/**
 * The length of a run on this many training images. Throws a UserError if they do not fill one batch and incomplete
 * batches are left out.
 */
export function lengthOf(settings: ExperimentSettings, images: number): Length {
  const { batch_size: batchSize, drop_last: dropLast, max_steps } = settings;
  const stepsPerEpoch = batchCount(images, { batchSize, dropLast });
  if (stepsPerEpoch === 0 && images > 0) {
    throw new UserError(
      `batch_size must be at most the number of training images, ${images}, where a last batch that is not full is left ` +
        `out (drop_last=true); received ${batchSize}. Give a smaller batch_size.`,
    );
  }
  const epochs = settings.epochs ?? Math.ceil(max_steps! / stepsPerEpoch);
  const steps = Math.min(max_steps ?? Infinity, epochs * stepsPerEpoch);
  return { epochs, begun: Math.ceil(steps / stepsPerEpoch), steps, stepsPerEpoch };
}

/** Warnings about settings that concern the network to start from. */
function startWarnings({ start, weights, network }: ExperimentSettings, anew: string[], from?: StartNetwork): string[] {
  const warnings: string[] = [];
  const without = (setting: string): void => {
    warnings.push(`${setting} has no effect: no network to start from is given (ckpt_path).`);
  };
  if (!from && start.except.length > 0) without(`start.except=${start.except.join(',')}`);
  if (!from && start.rewind) without('start.rewind=true');
  if (!from && start.compact) without('start.compact=true');
  if (from && weights !== null && !start.rewind) {
    warnings.push(`weights=${weights} has no effect: the network to start from has weights of its own.`);
  }
  const name = from?.model.name ?? network;
  if (start.compact && network !== 'own' && name.toLowerCase() !== network) {
    warnings.push(`network=${network} has no effect: start.compact=true takes ${name}, the network to start from.`);
  }
  const others = anew.filter((layer) => !start.except.includes(layer));
  if (from && others.length > 0) {
    warnings.push(
      `${others.length} layers start anew instead of from the given network: ${others[0]}${others.length > 1 ? ', ...' : ''}`,
    );
  }
  return warnings;
}

/** Warnings about a network that came with gates, for which the settings of new gates have no effect. */
function gateWarnings({ methods, l0 }: ExperimentSettings, model: tf.LayersModel, own?: tf.LayersModel): string[] {
  // A network without gates was replaced by a copy with gates.
  if (!methods.includes('l0') || model !== own) return [];
  const { droprate_init, sampling, where } = l0;
  return [
    `${model.name} has gates of its own, which go on from where they are: l0.droprate_init=${droprate_init}, ` +
      `l0.sampling=${sampling} and l0.where=[${where.join()}] have no effect.`,
  ];
}

/** Warnings about a network that scales images itself. */
function scalingWarnings({ normalise }: ExperimentSettings, model: tf.LayersModel): string[] {
  const scaling = networkGraph(model).inputs.flatMap(({ readers }) => readers);
  const own = scaling.find(({ layer }) => layer.getClassName() === 'Rescaling');
  if (!own || normalise === 'none') return [];
  return [
    `${model.name} scales images itself (${own.name}), after normalise=${normalise} has done so; normalise=none leaves ` +
      'them as they are, 0 to 255.',
  ];
}

/** Throws a UserError that names a layer that can be computed but not trained. */
function checkTrainable(model: tf.LayersModel): void {
  for (const { name, layer } of networkGraph(model).nodes) {
    const kind = layer.getClassName();
    const rates = [layer.getConfig().dilationRate ?? 1].flat();
    // tf.layers does not pass the dilation on to a depthwise convolution.
    if (kind === 'DepthwiseConv2D' || rates.every((rate) => rate === 1)) continue;
    throw new UserError(
      `The layer ${name} (${kind}) must have a dilationRate of 1 to be trained: TensorFlow.js has no gradient of a ` +
        `dilated convolution; received ${JSON.stringify(rates)}. Use a larger kernel, or pooling before it.`,
    );
  }
}

/**
 * What a session starts from besides its settings: a network, the saved state of its methods; `signal` ends their
 * measurements.
 */
interface SessionOptions extends Pick<MethodContext<unknown>, 'saved' | 'signal'> {
  from?: StartNetwork;
  own?: tf.LayersModel;
}

/**
 * Builds a session: the network and its start weights, methods, optimizer, averages. `data` are the images as `halfOf`
 * gives them. `own` is the network of `network=own`, and becomes the session's. The caller disposes the session.
 *
 * Throws a UserError for settings, weights and images that do not fit.
 */
export async function openSession(
  settings: ExperimentSettings,
  data: DataSplits,
  { from, own, ...context }: SessionOptions = {},
): Promise<Session> {
  const { model, keepsTopology, opening, anew } = await buildNetwork(settings, data, { from, own });
  // Checked here so that images that do not fit, test images included, are refused before the run begins.
  for (const set of [data.train, data.validation, data.test]) checkSet(model, set);
  checkTrainable(model);
  completeCount(model); // refuses a network that cannot be counted here, not in the record after the last step
  const rankedBy = settings.start.rewind ? from?.model : undefined;
  const sparsifier = await buildMethods(settings, model, { ...context, rankedBy });
  const { optimizer: name, lr, momentum, nesterov, weight_decay, decay, ema_decay, seed } = settings;
  const relative_lr = settings.relative_lr ?? undefined;
  const optimizer = makeOptimizer({ name, lr, momentum, nesterov, relative_lr, weight_decay, decay });
  const averages = ema_decay === null ? undefined : new WeightAverages(model, { decay: ema_decay });
  const cutting = settings.cut_channels ? new Cutting({ probability: settings.cut_probability }) : undefined;
  const length = lengthOf(settings, data.train.labels.length);
  const smooth = crossEntropy({ label_smoothing: settings.label_smoothing });
  const notes = new Notes({ settings, model, sparsifier, epochs: length.begun });

  async function* events(signal?: AbortSignal, startStep = 0): AsyncGenerator<TrainingEvent, void, void> {
    const training = train({
      model,
      data,
      optimizer,
      sparsifier,
      averages,
      cutting,
      signal,
      startStep,
      epochs: length.epochs,
      maxSteps: settings.max_steps ?? undefined,
      batchSize: settings.batch_size,
      dropLast: settings.drop_last,
      schedule: scheduleOf(settings, length),
      loss: settings.softmax_in_loss ? softmaxInLoss(smooth, settings.softmax_scale) : smooth,
      augment: augmentationsOf(settings),
      normalise: normalisationOf(settings, data.train),
      scales: settings.progressive_resizing,
      seed: deriveSeed(seed, 'training'),
    });
    for await (const event of training) {
      // Notes come before the event that they belong to, so that a checkpoint of that moment never lacks them.
      if (event.type === 'step') yield* await notes.ofStep(event);
      if (event.type === 'epoch') {
        const { epoch, step } = event;
        const note = (): Promise<NoteEvent[]> => notes.ofEpoch(epoch + 1, step);
        yield* await (averages ? averages.use(note) : note());
      }
      yield event;
      if (event.type === 'start' && startStep === 0) yield* await notes.ofEpoch(0, 0);
    }
  }

  return {
    settings,
    data,
    model,
    optimizer,
    sparsifier,
    averages,
    cutting,
    topology: keepsTopology ? (model.toJSON(null, false) as object) : undefined,
    opening,
    warnings: [
      ...startWarnings(settings, anew, from),
      ...gateWarnings(settings, model, own),
      ...scalingWarnings(settings, model),
    ],
    length,
    events,
    dispose() {
      optimizer.dispose();
      averages?.dispose();
      sparsifier?.dispose?.();
      model.dispose();
    },
  };
}
