import type { Experiment, Presets } from '../experiment.js';
import { runSchema, type RunSettings } from '../runSettings.js';
import type { FreezePruneRun } from './freezePruneRun.js';
import { freezePruneSchema, type FreezePruneSettings } from './freezePruneSettings.js';

type Settings = RunSettings & FreezePruneSettings;

const presets: Presets<Settings> = {
  quick: {
    help: 'about a minute on two cores: an eighth of the width, synthetic images; prunes 30 % and lets it move at the end',
    values: {
      data: 'synthetic',
      sizes: { train: 4000, validation: 1000, test: 1000 },
      width: 0.125,
      epochs: 5,
      batch_size: 32,
      lr: 2e-3,
      prune: 0.3,
      unfreeze_epoch: 4,
      augment: false,
    },
  },
  short: {
    help: 'about a minute on two cores, so that the thirty tasks of notebook 04 fit into half an hour: a quarter of the width, 20,000 images',
    values: { sizes: { train: 20000, validation: 2500 }, width: 0.25, epochs: 5, batch_size: 64 },
  },
  seed: { help: "the project's ResNet-18 on CIFAR-10, ten epochs", values: {} },
};

/** What the command line knows of the freezing and pruning experiment. */
export const freezePruneExperiment: Experiment<Settings, FreezePruneRun> = {
  name: 'freeze-prune-resnet18',
  summary: 'freeze, prune and unfreeze weights of ResNet-18',
  schema: { ...runSchema, ...freezePruneSchema },
  presets,
  examples: [
    'preset=quick',
    'softmax_in_loss=true softmax_scale=10',
    'weights=resnet18.safetensors freeze=0.1',
    'half=first',
    'half=second prune=0.3 ckpt_path=CHECKPOINT',
    'prune=0.3 unfreeze_epoch=5 ckpt_path=CHECKPOINT',
    'prune=0.9 pruning.schedule=polynomial pruning.times=5 ckpt_path=CHECKPOINT',
  ],
  // Imported when needed: settings and help do without tensors.
  async run(data, settings, pretrained) {
    const { freezePruneRun } = await import('./freezePruneRun.js');
    return freezePruneRun(data, settings, pretrained);
  },
  async result(run, signal) {
    const { freezePruneResult } = await import('./freezePruneResult.js');
    return freezePruneResult(run, signal);
  },
};
