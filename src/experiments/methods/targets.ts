import type * as tf from '@tensorflow/tfjs';
import type { WeightCount } from '../../compact/counts.js';
import type { LayerTimes } from '../../compact/time/layerTimes.js';
import { UserError } from '../../errors.js';
import type { ChannelMasks } from '../../graph/channelGraph.js';
import type { L0Options } from '../../sparsity/l0.js';
import type { CostGoal, SparsityTarget } from '../../sparsity/lambdaController.js';
import { stateOf, type State } from '../../sparsity/sparsifier.js';
import type { MethodContext } from './method.js';
import { factorsOf, type RecipeSettings } from '../recipe.js';
import { number, orNull, wholeNumber } from '../../rules.js';
import type { RunLength, Schema, Setting } from '../settings/schema.js';

/** The settings that set a target for L0 gates; a run has at most one of them, in place of lambda. */
const targetNames = ['target_sparsity', 'target_multiply_adds', 'target_ms'] as const;
type TargetName = (typeof targetNames)[number];

/** The settings of L0 gates that set a target, and the settings that these depend on. */
export interface TargetSettings extends Record<TargetName, number | null> {
  lambda: number;
  time_images: number;
  lr_gates: number;
  unstructured: boolean;
  weighting: 'sum' | 'parameters' | 'multiplyAdds' | 'time';
}

type Surroundings = RecipeSettings & { l0: TargetSettings };

/** Why lambda, or another target, must not be given: a target chooses lambda. */
export const unlessTarget =
  (except?: TargetName) =>
  ({ l0 }: Surroundings): string | undefined => {
    const other = targetNames.find((name) => name !== except && l0[name] !== null);
    if (other === undefined || (except !== undefined && l0[except] === null)) return undefined;
    return `${other}=${l0[other]} chooses lambda by itself`;
  };

/** Why a run is too short for its target, if it is. */
function travelsLess(settings: Surroundings, length: RunLength): string | undefined {
  const { lr_gates } = settings.l0;
  if (lr_gates === 0) return undefined;
  const { steps } = length;
  // The number of steps at lr_gates that add up to all steps of the schedule.
  const full = factorsOf(settings, length).reduce((sum, factor) => sum + factor, 0);
  // Lambda follows a ramp while log alpha can move by 8, at lr_gates per step, and has settled by the time it can have
  // moved by 20. A run that ends on the ramp cannot reach its target.
  if (full * lr_gates >= 8) return undefined;
  const slowed = Math.round(full) < steps ? `, which are as many as ${Math.round(full)} by its schedule` : '';
  return `needs about ${Math.ceil(20 / lr_gates)} steps at lr_gates=${lr_gates}, and the run has ${steps}${slowed}`;
}

const target = (
  name: TargetName,
  { rule, conflict, ...rest }: Pick<Setting<number, Surroundings>, 'rule' | 'help' | 'conflict'> & { neutral?: null },
): Setting<number | null, Surroundings> => ({
  default: null,
  ...rest,
  rule: orNull(rule, name === 'target_sparsity' ? 'a fixed lambda' : 'none'),
  conflict: (settings) =>
    unlessTarget(name)(settings) ?? (settings.l0[name] === null ? undefined : conflict?.(settings)),
  warning: (settings, length) => (settings.l0[name] === null ? undefined : travelsLess(settings, length)),
});

const unlessTimed = ({ l0 }: Surroundings): string | undefined =>
  l0.target_ms === null && l0.weighting !== 'time' ? 'nothing is timed without target_ms or weighting=time' : undefined;

/** Why time cannot be taken into account, if it cannot. */
export const unlessChannelGates = ({ l0 }: Surroundings): string | undefined =>
  l0.unstructured ? 'gates on weights save no time' : undefined;

/** The settings of targets, and of the passes whose time counts. */
export const targetSettings: Pick<Schema<TargetSettings, Surroundings>, TargetName | 'time_images'> = {
  target_sparsity: target('target_sparsity', {
    rule: number({ min: 0, below: 1 }),
    help: 'the share of parameters to be removed; lambda is then adapted after each step to reach and hold it',
  }),
  target_multiply_adds: target('target_multiply_adds', {
    neutral: null,
    rule: number({ above: 0 }),
    help: 'how many multiply-adds per image are to be left, in place of a share of parameters',
  }),
  target_ms: target('target_ms', {
    neutral: null,
    rule: number({ above: 0 }),
    help: 'how many milliseconds a forward pass of the compact network is to take on this machine, as its measured layers predict it, corrected after each epoch by what it takes',
    conflict: unlessChannelGates,
  }),
  time_images: {
    default: 1,
    neutral: 1,
    rule: wholeNumber({ min: 1 }),
    help: 'how many images the passes have whose time counts',
    conflict: unlessTimed,
  },
};

/**
 * Returns the times of a model's layers, from the saved state of the method or else measured, and the state that keeps
 * them.
 */
export async function timesFor(
  method: 'L0' | 'ISTA',
  model: tf.LayersModel,
  batchSize: number,
  { saved, signal }: Pick<MethodContext<unknown>, 'saved' | 'signal'>,
): Promise<{ times: LayerTimes; keeps: State }> {
  const { layerTimes } = await import('../../compact/time/layerTimes.js');
  const kept = stateOf(saved, method)?.times;
  const times =
    typeof kept === 'string' ? (JSON.parse(kept) as LayerTimes) : await layerTimes(model, { batchSize, signal });
  return { times, keeps: { times: JSON.stringify(times) } };
}

/** The L0 method's lambda, or a target that chooses it; with the cost of each channel if time counts. */
export async function lambdaOrTarget(
  model: tf.LayersModel,
  context: MethodContext<Surroundings>,
): Promise<Pick<L0Options, 'lambda_l0' | 'target' | 'times' | 'keeps'>> {
  const { lambda, target_sparsity, target_multiply_adds, target_ms, time_images, weighting } = context.settings.l0;
  const [
    { closedMasks },
    { costTarget },
    { completeCount, weightCount },
    { channelTimes, timePredictor },
    { measuredTime },
    { weightNames },
  ] = await Promise.all([
    import('../../sparsity/l0.js'),
    import('../../sparsity/lambdaController.js'),
    import('../../compact/counts.js'),
    import('../../compact/time/predictedTime.js'),
    import('../../compact/time/measuredTime.js'),
    import('../../graph/names.js'),
  ]);
  const weights = new Set(weightNames(model).values());
  const count = (masks: ChannelMasks): Pick<WeightCount, 'sparsity' | 'multiplyAdds'> => {
    const [ofWeights, ofChannels] = [true, false].map(
      (kind) => new Map([...masks].filter(([name]) => weights.has(name) === kind)),
    );
    return ofWeights.size > 0 ? weightCount(model, ofWeights, ofChannels) : completeCount(model, ofChannels);
  };
  const timed = target_ms !== null || weighting === 'time';
  const measured = timed ? await timesFor('L0', model, time_images, context) : undefined;
  const costs = measured && { times: channelTimes(model, measured.times), keeps: measured.keeps };
  const goal = (cost: Omit<CostGoal, 'closed'>): SparsityTarget => costTarget({ ...cost, closed: closedMasks(model) });
  if (target_sparsity !== null) {
    const sparsityOf = (masks: ChannelMasks): number => count(masks).sparsity;
    const most = sparsityOf(closedMasks(model));
    if (target_sparsity > most) {
      throw new UserError(
        `target_sparsity must be at most ${Math.floor(1000 * most) / 1000}, the share of the parameters of ${model.name} that are ` +
          `removed where every gate is closed; received ${target_sparsity}. Ask for less, or put gates after more layers.`,
      );
    }
    return { ...costs, target: { sparsity: target_sparsity, sparsityOf } };
  }
  if (target_multiply_adds !== null) {
    const costOf = (masks: ChannelMasks): number => count(masks).multiplyAdds.left;
    const target = goal({ left: target_multiply_adds, costOf, name: 'target_multiply_adds', unit: 'multiply-adds' });
    return { ...costs, target };
  }
  if (target_ms !== null && measured) {
    const costOf = timePredictor(model, measured.times);
    const measure = (masks: ChannelMasks): Promise<number> => measuredTime(model, masks, measured.times);
    const target = goal({ left: target_ms, costOf, measure, name: 'target_ms', unit: 'ms' });
    const summary: SparsityTarget['summary'] = (masks, correction) => ({ ms: correction * costOf(masks), correction });
    return { ...costs, target: { ...target, summary } };
  }
  return { ...costs, lambda_l0: lambda };
}
