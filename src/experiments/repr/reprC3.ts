import type * as tf from '@tensorflow/tfjs';
import type { DataSplits } from '../../data/dataSplits.js';
import type { SomeSettings } from '../settings/schema.js';
import { reprRun, type ReprRun } from './reprRun.js';
import { reprSettings, type ReprSettings } from './reprSettings.js';

/**
 * C3 (Prakash et al. 2019), ready to be trained as in the RePr project, or as usual with `standard`; what is not given is
 * as published. Throws a UserError for settings that make no sense. The caller disposes the run.
 */
export function reprC3(data: DataSplits, given: SomeSettings<ReprSettings> = {}, pretrained?: tf.LayersModel): ReprRun {
  return reprRun(data, reprSettings(given), pretrained);
}
