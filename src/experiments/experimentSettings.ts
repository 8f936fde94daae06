import type { Experiment, ExperimentRun } from './experiment.js';
import { runSchema, type RunSettings } from './runSettings.js';
import { givenIn, type Given } from './settings/given.js';
import { settle } from './settings/settle.js';

type Start = Pick<RunSettings, 'preset' | 'ckpt_path' | 'resume_training'>;

/** Those of the settings given on which the others depend. */
function startIn(given: readonly Given[]): Start {
  const { preset, ckpt_path, resume_training } = runSchema;
  const schema = { preset, ckpt_path, resume_training };
  return settle<Start>(
    schema,
    given.filter(({ name }) => name in schema),
  );
}

/** The checkpoint whose run the settings given ask to go on, if they do. */
export function resumesFrom(given: readonly Given[]): string | undefined {
  const { ckpt_path, resume_training } = startIn(given);
  return resume_training && ckpt_path !== null ? ckpt_path : undefined;
}

/**
 * The settings of a new run of an experiment in full: what was given, else what the preset says, else the defaults.
 * Throws a UserError as `settle` does.
 */
export function experimentSettings<S extends RunSettings>(
  { schema, presets }: Pick<Experiment<S, ExperimentRun>, 'schema' | 'presets'>,
  given: readonly Given[],
): S {
  const { preset, ckpt_path } = startIn(given);
  const { values, fineTuning = {} } = presets[preset];
  return settle<S>(schema, given, [...givenIn(values), ...(ckpt_path === null ? [] : givenIn(fineTuning))]);
}
