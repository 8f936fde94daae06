import type { ExperimentSettings } from './experimentSettings.js';
import type { SomeSettings } from './settings/schema.js';

type Values = SomeSettings<ExperimentSettings>;

/**
 * The settings that all networks are trained with: one cycle of the learning rate, Muon, label smoothing, crops and
 * alternating flips.
 */
const shared: Values = {
  optimizer: 'muon',
  lr: 0.01,
  weight_decay: 0.1,
  decay: 'kernels',
  batch_size: 125,
  drop_last: true,
  schedule: 'one-cycle',
  augment: ['crop', 'alternating-flip'],
  normalise: 'pixels',
  label_smoothing: 0.1,
  tta: 'mirror',
};

/** The settings that differ for one network. docs/recipe.md says which of them were measured. */
const own: Partial<Record<ExperimentSettings['network'], Values>> = {
  googlenet: { epochs: 30, progressive_resizing: [0.625, 0.8125] },
  resnet20: { epochs: 40 },
  airbench: {
    epochs: 9,
    lr: 0.01,
    momentum: 0.7,
    relative_lr: 0.17,
    weight_decay: 0.3,
    batch_size: 1000,
    augment: ['translate', 'alternating-flip'],
    label_smoothing: 0.2,
    tta: 'mirror-shift',
  },
  resnet18: { epochs: 30 },
};

/** A trained network is fine-tuned with a lower learning rate and for fewer epochs. */
const fineTuning: Values = { lr: 0.003, relative_lr: null, epochs: 10, progressive_resizing: [] };

/** The fast recipe for a network: the values of its training settings unless others are given. */
export function fastRecipe(network: ExperimentSettings['network'], starts: 'anew' | 'from a network'): Values {
  return { epochs: 20, ...shared, ...own[network], ...(starts === 'anew' ? {} : fineTuning) };
}
