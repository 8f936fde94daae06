import { UserError } from '../errors.js';
import type { AnyExperiment } from './experiment.js';
import { experiments } from './experiments.js';
import type { RunSettings } from './runSettings.js';
import { givenIn, type Given } from './settings/given.js';
import { settle } from './settings/settle.js';

/** What a checkpoint and a run's folder say of how they came about. */
export interface SavedRun {
  experiment: AnyExperiment;
  settings: RunSettings;
  /** The network's topology as Keras JSON, where it is not the one that the settings describe. */
  topology?: object;
}

/** Settings as they are saved: with the experiment's name. */
export function savedForm({ experiment, settings, topology }: SavedRun): object {
  return { experiment: experiment.name, ...settings, ...(topology && { topology: JSON.stringify(topology) }) };
}

/** Reads what `savedForm` made. Throws a UserError that names the `place` it was saved in. */
export function readSavedRun(saved: unknown, place: string): SavedRun {
  const { experiment: name, topology, ...settings } = Object(saved) as { experiment?: unknown; topology?: string };
  const experiment = experiments.find((candidate) => candidate.name === name);
  if (!experiment) {
    const names = experiments.map((candidate) => candidate.name).join(', ');
    throw new UserError(`${place} must be of one of the experiments ${names}; it is of ${JSON.stringify(name)}.`);
  }
  const given = givenIn(settings).map((each) => ({ ...each, place }));
  return {
    experiment,
    settings: settle(experiment.schema, [], given),
    ...(topology !== undefined && { topology: parsed(topology, place) }),
  };
}

function parsed(topology: string, place: string): object {
  try {
    return Object(JSON.parse(topology)) as object;
  } catch (error) {
    throw new UserError(`${place} has a topology that is not JSON: ${(error as Error).message}.`);
  }
}

/** What may change when a run goes on: how far, where the images lie, and what computes. */
const free = ['epochs', 'max_steps', 'data', 'backend', 'threads', 'ckpt_path', 'resume_training', 'checkpoints.'];

/**
 * The settings with which a saved run goes on: its own, and of those given the few that may differ. Throws a UserError
 * for another one that differs.
 */
export function resumedSettings({ experiment, settings: saved }: SavedRun, given: readonly Given[]): RunSettings {
  const settings = settle(experiment.schema, given, givenIn(saved));
  const valuesOf = (all: object): Map<string, string> =>
    new Map(givenIn(all).map(({ name, value }) => [name, JSON.stringify(value)]));
  const [before, now] = [valuesOf(saved), valuesOf(settings)];
  for (const { name, place } of given) {
    if (before.get(name) === now.get(name) || free.some((prefix) => name.startsWith(prefix))) continue;
    throw new UserError(
      `${place === undefined ? '' : `${place}: `}A run goes on with its own settings: ${name} was ${before.get(name)}; ` +
        `received ${now.get(name)}. Leave it out, or start a new run with resume_training=false.`,
    );
  }
  return settings;
}
