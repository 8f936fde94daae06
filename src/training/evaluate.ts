import { setImmediate } from '#platform';
import * as tf from '@tensorflow/tfjs';
import { type Normalise, defaultNormalise } from '../data/normalise.js';
import { batches } from '../data/batches.js';
import type { ImageSet } from '../data/imageSet.js';
import { UserError } from '../errors.js';
import { check, oneOf } from '../rules.js';
import { crossEntropy, inputOf, isRight, logitsOf } from './loss.js';
import { checkSet } from './checkSet.js';
import type { Scores } from './events.js';

/** How a network is evaluated on a set of images. */
export interface EvaluationOptions {
  /** Default 128. */
  batchSize?: number;
  /** Default: `defaultNormalise`, CIFAR-10's means and standard deviations. */
  normalise?: Normalise;
  /** The views of an image over which its logits are averaged. Default 'none': the image as it is. */
  tta?: TestTimeAugmentation;
  /** Ends the work between two batches. */
  signal?: AbortSignal;
}

/**
 * Test-time augmentation: `mirror` averages the logits of an image and its mirror image; `mirror-shift` gives these two
 * half the weight, and the other half to both of them shifted by a pixel, up left and down right (Jordan 2024, section
 * 3.5). They take 2 and 6 times as long as `none`.
 */
export type TestTimeAugmentation = 'none' | 'mirror' | 'mirror-shift';

/** The views of images [N, H, W, C], each with its weight; weights add up to 1. */
function viewsOf(x: tf.Tensor4D, tta: TestTimeAugmentation): { view: tf.Tensor4D; weight: number }[] {
  const mirrored = (image: tf.Tensor4D, weight: number): { view: tf.Tensor4D; weight: number }[] => [
    { view: image, weight: weight / 2 },
    { view: image.reverse(2), weight: weight / 2 },
  ];
  if (tta === 'none') return [{ view: x, weight: 1 }];
  if (tta === 'mirror') return mirrored(x, 1);
  const border = [0, 1, 1, 0].map((pixels) => [pixels, pixels] as [number, number]);
  const padded = tf.mirrorPad(x, border, 'reflect');
  const moved = [0, 2].map((by) => padded.slice([0, by, by, 0], x.shape));
  return [...mirrored(x, 0.5), ...moved.flatMap((view) => mirrored(view, 0.25))];
}

/** A network's mean loss on a whole set, and for each image in order 1 if the answer is right and 0 if it is wrong. */
export interface Answers {
  /** Cross-entropy in nats. */
  loss: number;
  right: Uint8Array;
}

/**
 * Evaluates a network on a whole set, with running statistics and inference masks: `plain` on the images as they are,
 * `averaged` over the views of `tta`. Yields to the event loop after every batch; an aborted signal rejects with its
 * reason. Throws a UserError for a set that does not fit the network (`checkSet`), and for an unknown `tta`.
 */
export async function answersByView(
  model: tf.LayersModel,
  set: ImageSet,
  { batchSize = 128, normalise = defaultNormalise, tta = 'none', signal }: EvaluationOptions = {},
): Promise<Record<'plain' | 'averaged', Answers>> {
  checkSet(model, set);
  check('tta', tta, oneOf('none', 'mirror', 'mirror-shift'));
  const meanCrossEntropy = crossEntropy();
  const empty = (): Answers => ({ loss: 0, right: new Uint8Array(set.labels.length) });
  const [plain, averaged] = [empty(), empty()];
  let images = 0;
  for (const batch of batches(set, { batchSize, normalise })) {
    signal?.throwIfAborted();
    const scores = tf.tidy(() => {
      const { x, labels } = inputOf(batch);
      const views = viewsOf(x, tta);
      const logits = views.map(({ view }) => logitsOf(model, view));
      const mean = (): tf.Tensor2D => tf.addN(logits.map((each, i) => each.mul<tf.Tensor2D>(views[i].weight)));
      const scored = (tta === 'none' ? logits : [logits[0], mean()]).map((each) =>
        tf.concat([meanCrossEntropy(each, labels).reshape([1]), isRight(each, labels)]),
      );
      return tf.stack(scored) as tf.Tensor2D;
    });
    for (const [i, [loss, ...hits]] of (await scores.array()).entries()) {
      const all = [plain, averaged][i];
      all.right.set(hits, images);
      all.loss += loss * batch.size;
    }
    scores.dispose();
    images += batch.size;
    await setImmediate();
  }
  for (const all of [plain, averaged]) all.loss /= images;
  return { plain, averaged: tta === 'none' ? plain : averaged };
}

/** The `averaged` answers of `answersByView`; throws as it does. */
export async function answers(model: tf.LayersModel, set: ImageSet, options: EvaluationOptions = {}): Promise<Answers> {
  return (await answersByView(model, set, options)).averaged;
}

/** The mean loss of answers, and the share of right ones. */
export function scoresFrom({ loss, right }: Answers): Scores {
  return { loss, accuracy: right.reduce((sum, hit) => sum + hit, 0) / right.length };
}

/**
 * Mean cross-entropy and accuracy over a whole set, averaged over the views of `tta`; throws as `answersByView` does.
 */
export async function evaluate(model: tf.LayersModel, set: ImageSet, options: EvaluationOptions = {}): Promise<Scores> {
  return scoresFrom(await answers(model, set, options));
}

/** How a network's answers to the same images changed. Shares are of all images. */
export interface PairedChange {
  images: number;
  /** Images that were wrong before and are right now, and vice versa. */
  gained: number;
  lost: number;
  /** Change of the accuracy, (gained - lost) / images. */
  change: number;
  /** Its standard error, by the images whose answers changed: sqrt(gained + lost - (gained - lost)^2 / n) / n. */
  error: number;
}

/**
 * Compares two networks on the same images, image by image (McNemar 1947): far more sensitive than comparing two
 * accuracies, because images that both get right say nothing. `before` and `after` hold 1 for a right answer and 0 for
 * a wrong one.
 *
 * Throws a UserError for lists of different lengths and for empty ones.
 */
export function pairedChange(before: Uint8Array, after: Uint8Array): PairedChange {
  const images = before.length;
  if (images === 0 || after.length !== images) {
    throw new UserError(
      `Answers must be of the same images, which are compared one by one; received ${images} and ${after.length} of them.`,
    );
  }
  let [gained, lost] = [0, 0];
  before.forEach((right, i) => {
    gained += right === 0 && after[i] === 1 ? 1 : 0;
    lost += right === 1 && after[i] === 0 ? 1 : 0;
  });
  const spread = gained + lost - (gained - lost) ** 2 / images;
  return { images, gained, lost, change: (gained - lost) / images, error: Math.sqrt(spread) / images };
}
