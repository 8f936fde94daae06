import { oneShot, polynomial, type PruningPlan } from '../../sparsity/schedules.js';
import type { Method } from './method.js';
import { flag, listOf, number, oneOf, orNull, text, wholeNumber } from '../../rules.js';
import type { RunLength, Setting, SettingValue } from '../settings/schema.js';

/** The settings of magnitude pruning. */
export interface MagnitudeSettings {
  prune: number;
  unit: 'weights' | 'channels';
  criterion: 'magnitude' | 'orthogonality';
  where: string[];
  scope: 'global' | 'perLayer';
  schedule: 'one-shot' | 'iterative' | 'polynomial';
  times: number;
  unfreeze_epoch: number | null;
  restore: boolean;
}

interface Surroundings {
  magnitude: MagnitudeSettings;
  start: { rewind: boolean };
}

function pruningPlan({ prune, schedule, times }: MagnitudeSettings): PruningPlan {
  if (prune === 0) return [];
  if (schedule === 'one-shot') return oneShot(prune);
  if (schedule === 'polynomial') return polynomial(prune, { end: times });
  // Each pruning takes the same share of what is left, so that the share of all is `prune` in the end.
  const sparsity = (prunings: number): number => 1 - (1 - prune) ** (prunings / times);
  return Array.from({ length: times }, (_, epoch) => ({ epoch, amount: { sparsity: sparsity(epoch + 1) } }));
}

/** Why a run is too short for its prunings, if it is. */
function prunesLess({ magnitude }: Surroundings, { epochs }: RunLength): string | undefined {
  const plan = pruningPlan(magnitude);
  const made = plan.filter(({ epoch }) => epoch < epochs);
  if (made.length === plan.length) return undefined;
  const percent = (share: number): string => `${Number((100 * share).toFixed(1))} %`;
  const pruned = made.reduce(
    (share, { amount }) => (typeof amount === 'object' ? amount.sparsity : 1 - (1 - share) * (1 - amount)),
    0,
  );
  return (
    `needs ${plan.at(-1)!.epoch + 1} epochs, and the run has ${epochs}: ` +
    `${made.length} of ${plan.length} prunings happen, and ${percent(pruned)} are pruned, not ${percent(magnitude.prune)}`
  );
}

/** Why unfreezing comes too late to happen, or too early to affect all that is pruned, if so. */
function unfreezesLess({ magnitude }: Surroundings, { epochs }: RunLength): string | undefined {
  const { unfreeze_epoch } = magnitude;
  if (unfreeze_epoch === null) return undefined;
  if (unfreeze_epoch >= epochs) return `comes after the last epoch, ${epochs - 1}: what is pruned stays pruned`;
  const later = pruningPlan(magnitude).filter(({ epoch }) => epoch > unfreeze_epoch && epoch < epochs);
  return later.length === 0
    ? undefined
    : `comes before the pruning of epoch ${later[0].epoch}: what is pruned from then on stays pruned`;
}

const unlessPruning = ({ magnitude }: Surroundings): string | undefined =>
  magnitude.prune === 0 ? 'nothing is pruned' : undefined;

/** Why a setting of channels has no effect, if single weights are pruned. */
const unlessChannels = ({ magnitude }: Surroundings): string | undefined =>
  magnitude.unit === 'weights' ? 'unit=weights prunes single weights, wherever they are' : undefined;

/** A setting of magnitude pruning that has no effect if nothing is pruned. */
const ofPruning = <T extends SettingValue>(setting: Setting<T, Surroundings>): Setting<T, Surroundings> => ({
  ...setting,
  conflict: (settings) => unlessPruning(settings) ?? setting.conflict?.(settings),
});

/** `methods=magnitude`. */
export const magnitudeMethod: Method<MagnitudeSettings, Surroundings> = {
  settings: {
    prune: {
      default: 0,
      rule: number({ min: 0, below: 1 }),
      help: 'the share that is pruned and held at 0, the smallest unless criterion says otherwise',
      warning: ({ magnitude }) => (magnitude.prune === 0 ? 'prunes nothing' : undefined),
    },
    unit: ofPruning({ default: 'weights', rule: oneOf('weights', 'channels'), help: 'what is pruned' }),
    criterion: ofPruning({
      default: 'magnitude',
      neutral: 'magnitude',
      rule: oneOf('magnitude', 'orthogonality'),
      help: 'which channels go: those of the smallest weights, or those whose filters overlap most with others, as RePr chooses',
      conflict: unlessChannels,
    }),
    where: ofPruning({
      default: [],
      neutral: [],
      rule: listOf(text("a layer's name")),
      help: 'the convolutions whose channels are pruned; none named: all',
      conflict: unlessChannels,
    }),
    scope: ofPruning({
      default: 'global',
      rule: oneOf('global', 'perLayer'),
      help: 'whether all compete with each other, or those of each layer',
    }),
    schedule: ofPruning({
      default: 'one-shot',
      rule: oneOf('one-shot', 'iterative', 'polynomial'),
      help: 'at once before the first epoch, in equal shares of what is left, or fast at first and slower later',
      conflict: ({ start, magnitude }) =>
        start.rewind && magnitude.schedule !== 'one-shot' ? 'only schedule=one-shot can rewind' : undefined,
    }),
    times: ofPruning({
      default: 3,
      rule: wholeNumber({ min: 1 }),
      help: 'before how many epochs something is pruned',
      conflict: ({ magnitude }) => (magnitude.schedule === 'one-shot' ? 'schedule=one-shot prunes once' : undefined),
      warning: prunesLess,
    }),
    unfreeze_epoch: ofPruning({
      default: null,
      rule: orNull(wholeNumber({ min: 0 }), 'never'),
      help: 'the epoch, counted from 0, from which on what was pruned is trained again, starting from 0',
      warning: unfreezesLess,
    }),
    restore: ofPruning({
      default: false,
      rule: flag,
      help: 'whether what was pruned gets its old values back when it may move, instead of starting from 0',
      conflict: ({ magnitude }) =>
        magnitude.unfreeze_epoch === null ? 'without unfreeze_epoch nothing that was pruned may move' : undefined,
    }),
  },
  async build(model, { settings: { magnitude }, rankedBy }) {
    const { magnitudeSparsifier } = await import('../../sparsity/magnitude.js');
    const { scope, unit, criterion, where, unfreeze_epoch, restore } = magnitude;
    const plan = pruningPlan(magnitude);
    return magnitudeSparsifier(model, {
      plan,
      scope,
      unit,
      criterion,
      where,
      rankedBy,
      unfreezeBefore: unfreeze_epoch ?? undefined,
      restore,
    });
  },
  settled: ({ magnitude }) => Math.max(magnitude.unfreeze_epoch ?? 0, pruningPlan(magnitude).at(-1)?.epoch ?? 0),
};
