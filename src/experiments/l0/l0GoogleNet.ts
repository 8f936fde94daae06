import type * as tf from '@tensorflow/tfjs';
import type { DataSplits } from '../../data/dataSplits.js';
import type { SomeSettings } from '../settings/schema.js';
import { l0Run, type L0Run } from './l0Run.js';
import { l0FineTuning, l0Settings, type L0Settings } from './l0Settings.js';

/**
 * GoogleNet with L0 gates (or without, `without_using_gate`), ready to be trained as in the L0 project; what is not given
 * is as published, from scratch or, with `pretrained`, for fine-tuning.
 *
 * `pretrained` gives its weights to all layers that it has: the gates of a network that was trained without any start
 * anew, and an event says so. Throws a UserError for settings that make no sense or weights that do not fit.
 */
export function l0GoogleNet(
  data: DataSplits,
  given: SomeSettings<L0Settings> = {},
  pretrained?: tf.LayersModel,
): L0Run {
  return l0Run(data, l0Settings(given, pretrained ? l0FineTuning : {}), pretrained);
}
