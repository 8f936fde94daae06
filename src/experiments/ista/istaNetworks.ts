import type * as tf from '@tensorflow/tfjs';
import type { DataSplits } from '../../data/dataSplits.js';
import type { SomeSettings } from '../settings/schema.js';
import { istaRun, type IstaRun } from './istaRun.js';
import { istaSettings, type IstaSettings } from './istaSettings.js';

/**
 * ResNet-20 (Ye et al. 2018), ready to be trained as in the project on ISTA; what is not given is as published for the
 * `checkpoint_version` given: 0 from new weights, 1 from those of `pretrained`, 2 from what compaction leaves of it.
 *
 * Throws a UserError for settings that make no sense or weights that do not fit. The caller disposes the run.
 */
export function istaResnet20(
  data: DataSplits,
  given: SomeSettings<IstaSettings>,
  pretrained?: tf.LayersModel,
): IstaRun {
  return istaRun('resnet20', data, istaSettings('resnet20', given), pretrained);
}

/** The project's CNN of four convolutions, as `istaResnet20`. */
export function istaCnn4(data: DataSplits, given: SomeSettings<IstaSettings>, pretrained?: tf.LayersModel): IstaRun {
  return istaRun('cnn4', data, istaSettings('cnn4', given), pretrained);
}
