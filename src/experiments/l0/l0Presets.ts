import type { Presets } from '../experiment.js';
import type { RunSettings } from '../runSettings.js';
import { l0FineTuning, type L0Settings } from './l0Settings.js';

/** A step moves log alpha by about lr_gates, so that a short run closes gates only with a larger one. */
export const l0Presets: Presets<RunSettings & L0Settings> = {
  quick: {
    help: 'about a minute on two cores: a narrow network, synthetic images, fast gates',
    values: {
      data: 'synthetic',
      sizes: { train: 4000, validation: 1000, test: 1000 },
      width: 0.25,
      epochs: 4,
      batch_size: 64,
      lr: 2e-3,
      lr_gates: 0.03,
      milestones: [],
    },
    fineTuning: { lr: 1e-3 },
  },
  short: {
    help: 'within an hour on two cores: half the width, a twelfth of the epochs, faster gates',
    values: { width: 0.5, epochs: 15, lr_gates: 0.01, milestones: [8, 12] },
    fineTuning: { milestones: [5, 8, 11, 13], lr_decay: 0.5 },
  },
  seed: { help: "the documents' full schedule on CIFAR-10: 180 epochs", values: {}, fineTuning: l0FineTuning },
};
