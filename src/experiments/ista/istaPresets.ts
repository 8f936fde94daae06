import type { Presets } from '../experiment.js';
import type { RunSettings } from '../runSettings.js';
import type { IstaNetwork, IstaSettings } from './istaSettings.js';

/**
 * A gamma starts at 1 and loses about cost * learning_rate * l1_penalty a step: fewer steps need a larger penalty, though
 * not one that is larger by as much, for it must not outweigh the loss. A channel of CNN-4 costs some five times one of
 * ResNet-20.
 */
export const istaPresets = (network: IstaNetwork): Presets<RunSettings & IstaSettings> => ({
  quick: {
    help: 'all versions in about a minute on two cores: a narrow network, synthetic images, a larger penalty',
    values: {
      data: 'synthetic',
      sizes: { train: 4000, validation: 1000, test: 1000 },
      width: 0.25,
      faster: 300,
      stronger: network === 'cnn4' ? 12 : 60,
      bn_momentum: 0.1,
      ema_decay: 0.9,
      log_frequency: 20,
    },
  },
  short: {
    help: 'all versions within an hour on two cores: a 25th of the steps and a larger penalty',
    values: {
      faster: 25,
      stronger: network === 'cnn4' ? 3 : 4,
      bn_momentum: 0.025,
      ema_decay: 0.98,
      log_frequency: 50,
    },
  },
  seed: { help: "the project's versions on CIFAR-10: 30,000, 50,000 and 50,000 steps", values: {} },
});
