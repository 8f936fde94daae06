import { flag } from '../../rules.js';
import { of, protocol, waysOfTraining } from './protocol.js';

const ofGates = {
  conflict: ({ without_using_gate }: { without_using_gate: boolean }) =>
    without_using_gate ? 'without_using_gate=true builds a network that has no gates' : undefined,
};

/** The published schedule for a trained network whose gates start open: the learning rate is halved five times. */
const fineTuning = { milestones: [10, 60, 100, 130, 160], lr_decay: 0.5 };

/**
 * The L0 project's GoogleNet on CIFAR-10 (Louizos et al. 2018): AdamW at 1e-3 for 180 epochs, the learning rate divided
 * by ten at each of two milestones, flips and resized crops, incomplete last batches left out.
 */
export const l0GoogleNet = protocol({
  name: 'l0-googlenet',
  network: 'googlenet',
  summary: 'close channels of GoogleNet by L0 gates',
  fields: {
    without_using_gate: { default: false, rule: flag, help: 'whether the network has no gates at all' },
    width: of('width'),
    epochs: of('epochs', { default: 180 }),
    batch_size: of('batch_size'),
    lr: of('lr', { default: 1e-3 }),
    weight_decay: of('weight_decay'),
    ...waysOfTraining,
    schedule: of('schedule', { default: 'steps', published: ['steps'] }),
    milestones: of('milestones', { default: [100, 150], published: [[100, 150], fineTuning.milestones] }),
    augment: { default: true, rule: flag, help: 'whether training images are flipped and cropped at random' },
    lambda_l0: of('l0.lambda', ofGates),
    target_sparsity: of('l0.target_sparsity', ofGates),
    target_multiply_adds: of('l0.target_multiply_adds', ofGates),
    target_ms: of('l0.target_ms', ofGates),
    time_images: of('l0.time_images', ofGates),
    droprate_init: of('l0.droprate_init', ofGates),
    lr_gates: of('l0.lr_gates', ofGates),
    cut_channels: of('cut_channels'),
    cut_probability: of('cut_probability'),
    seed: of('seed'),
    gates: {
      unstructured: of('l0.unstructured', ofGates),
      sampling: of('l0.sampling', ofGates),
      weighting: of('l0.weighting', ofGates),
      reduce: of('l0.reduce', ofGates),
      clamp: of('l0.clamp', ofGates),
    },
  },
  // A step moves log alpha by about lr_gates, so a short run needs a larger lr_gates to close gates.
  presets: {
    quick: {
      help: 'about a minute and a half on two cores: a narrow network, synthetic images, open and fast gates',
      values: {
        data: 'synthetic',
        sizes: { train: 4000, validation: 1000, test: 1000 },
        width: 0.25,
        epochs: 8,
        batch_size: 64,
        lr: 3e-3,
        lambda_l0: 2,
        droprate_init: 0.05,
        lr_gates: 0.05,
        milestones: [],
      },
      fineTuning: { lr: 1e-3 },
    },
    short: {
      help: 'within an hour on two cores: half the width, a twelfth of the epochs, faster gates',
      values: { width: 0.5, epochs: 15, lr_gates: 0.01, milestones: [8, 12] },
      fineTuning: { milestones: [5, 8, 11, 13], lr_decay: 0.5 },
    },
    published: { help: "the documents' full schedule on CIFAR-10: 180 epochs", values: {}, fineTuning },
  },
  examples: [
    'preset=quick',
    'without_using_gate=true',
    'lambda_l0=1.0',
    'lambda_l0=20 droprate_init=0.05 ckpt_path=CHECKPOINT',
    'target_sparsity=0.5 droprate_init=0.05 lr_gates=0.01 ckpt_path=CHECKPOINT',
    'ckpt_path=CHECKPOINT resume_training=true',
    'preset=short data=synthetic sizes.train=10000 --print > settings.yaml',
    '--config settings.yaml lambda_l0=0.5',
  ],
  warnings: ({ without_using_gate, droprate_init }, starts) =>
    starts === 'from a network' && !without_using_gate && droprate_init >= 0.5
      ? [
          `Gates that start at droprate_init=${droprate_init} disturb a trained network; droprate_init=0.05 starts them open.`,
        ]
      : [],
  experiment: ({ without_using_gate, augment }) => ({
    methods: without_using_gate ? [] : ['l0'],
    optimizer: 'adamw',
    drop_last: true,
    augment: augment ? ['flip', 'resized-crop'] : [],
    normalise: 'pixels',
  }),
});
