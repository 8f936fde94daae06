import { iterative, oneShot, polynomial, type PruningPlan } from '../sparsity/schedules.js';
import type { ExperimentSettings } from './experimentSettings.js';
import type { MethodSettings } from './methods.js';
import type { RunLength, Setting, SettingValue } from './settings/schema.js';

/** What is pruned when. */
export function pruningPlan({ prune, schedule, times }: MethodSettings['magnitude']): PruningPlan {
  if (prune === 0) return [];
  if (schedule === 'one-shot') return oneShot(prune);
  // So that the share of all is `prune` after `times` times the same share of what is left.
  if (schedule === 'iterative') return iterative(1 - (1 - prune) ** (1 / times), { times });
  return polynomial(prune, { end: times });
}

/** How a run is too short for its prunings, if it is. */
export function prunesLess({ magnitude }: ExperimentSettings, { epochs }: RunLength): string | undefined {
  const plan = pruningPlan(magnitude);
  const made = plan.filter(({ epoch }) => epoch < epochs);
  if (made.length === plan.length) return undefined;
  const percent = (share: number): string => `${Number((100 * share).toFixed(1))} %`;
  const pruned = 1 - made.reduce((left, { amount }) => left * (1 - amount), 1);
  return (
    `needs ${plan.at(-1)!.epoch + 1} epochs, and the run has ${epochs}: ` +
    `${made.length} of ${plan.length} prunings come to pass, and ${percent(pruned)} are pruned, not ${percent(magnitude.prune)}`
  );
}

/** How unfreezing comes too late to happen, or too early to be of all that is pruned, if so. */
export function unfreezesLess({ magnitude }: ExperimentSettings, { epochs }: RunLength): string | undefined {
  const { unfreeze_epoch } = magnitude;
  if (unfreeze_epoch === null) return undefined;
  if (unfreeze_epoch >= epochs) return `comes after the last epoch, ${epochs - 1}: what is pruned stays pruned`;
  const later = pruningPlan(magnitude).filter(({ epoch }) => epoch > unfreeze_epoch && epoch < epochs);
  return later.length === 0
    ? undefined
    : `comes before the pruning of epoch ${later[0].epoch}: what is pruned from then on stays pruned`;
}

const unlessPruning = ({ magnitude }: ExperimentSettings): string | undefined =>
  magnitude.prune === 0 ? 'nothing is pruned' : undefined;

/** Why a setting of channels means nothing, if single weights are pruned. */
export const unlessChannels = ({ magnitude }: ExperimentSettings): string | undefined =>
  magnitude.unit === 'weights' ? 'unit=weights prunes single weights, wherever they are' : undefined;

/** A setting of magnitude pruning that means nothing where nothing is pruned. */
export const ofPruning = <T extends SettingValue>(
  setting: Setting<T, ExperimentSettings>,
): Setting<T, ExperimentSettings> => ({
  ...setting,
  conflict: (settings) => unlessPruning(settings) ?? setting.conflict?.(settings),
});
