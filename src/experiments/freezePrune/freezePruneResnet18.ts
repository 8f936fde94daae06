import type * as tf from '@tensorflow/tfjs';
import type { DataSplits } from '../../data/dataSplits.js';
import type { SomeSettings } from '../settings/schema.js';
import { freezePruneRun, type FreezePruneRun } from './freezePruneRun.js';
import { freezePruneSettings, type FreezePruneSettings } from './freezePruneSettings.js';

/**
 * ResNet-18, ready to be trained whole, partly frozen or pruned; what is not given is as the project has it. Throws a
 * UserError for settings that make no sense or weights that do not fit. The caller disposes the run.
 */
export function freezePruneResnet18(
  data: DataSplits,
  given: SomeSettings<FreezePruneSettings> = {},
  pretrained?: tf.LayersModel,
): Promise<FreezePruneRun> {
  return freezePruneRun(data, freezePruneSettings(given), pretrained);
}
