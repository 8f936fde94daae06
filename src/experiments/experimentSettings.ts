import type { Experiment, ExperimentRun } from './experiment.js';
import { runSchema, type RunSettings } from './runSettings.js';
import { givenIn, type Given } from './settings/given.js';
import { settle } from './settings/settle.js';

const { preset, ckpt_path, resume_training } = runSchema;
const startSchema = { preset, ckpt_path, resume_training };

/**
 * An experiment's settings in full: what was given, else what the preset says, else the defaults. Throws a UserError as
 * `settle` does.
 */
export function experimentSettings<S extends RunSettings>(
  { schema, presets }: Pick<Experiment<S, ExperimentRun>, 'schema' | 'presets'>,
  given: readonly Given[],
): S {
  const start = settle<Pick<RunSettings, keyof typeof startSchema>>(
    startSchema,
    given.filter(({ name }) => name in startSchema),
  );
  const { values, fineTuning = {} } = presets[start.preset];
  const fineTunes = start.ckpt_path !== null && !start.resume_training;
  return settle<S>(schema, given, [...givenIn(values), ...(fineTunes ? givenIn(fineTuning) : [])]);
}
