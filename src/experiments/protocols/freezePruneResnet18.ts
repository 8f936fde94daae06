import { flag, number } from '../../rules.js';
import { of, protocol, waysOfTraining } from './protocol.js';

/** The settings that decide whether settings of freezing or of the start have an effect. */
export interface Decides {
  freeze: number;
  pruning: { rewind: boolean };
}

/**
 * The project on freezing, pruning and unfreezing ResNet-18: ten epochs of Adam; by default nothing is frozen or
 * pruned, but the sparsity is still counted.
 */
export const freezePruneResnet18 = protocol({
  name: 'freeze-prune-resnet18',
  network: 'resnet18',
  summary: 'freeze, prune and unfreeze weights of ResNet-18',
  fields: {
    freeze: {
      default: 0,
      rule: number({ min: 0, below: 1 }),
      help: 'the share of the kernels, the first ones, rounded up, that stay as they are; the project tries 0.1, 0.2 and 0.3',
    },
    freeze_bn: of('freeze.batch_norm', {
      conflict: ({ freeze }: Decides) => (freeze === 0 ? 'nothing is frozen' : undefined),
    }),
    prune: of('magnitude.prune', { published: [0] }),
    unfreeze_epoch: of('magnitude.unfreeze_epoch'),
    softmax_in_loss: of('softmax_in_loss', {
      help: "whether the loss gets probabilities where it expects logits, as in the project's first network",
    }),
    softmax_scale: of('softmax_scale'),
    weights: of('weights'),
    new_head: {
      default: false,
      rule: flag,
      help: 'whether the two dense layers start anew where the others start from a given network, as with ImageNet weights',
      conflict: ({ pruning }: Decides) => (pruning.rewind ? 'pruning.rewind=true starts all layers anew' : undefined),
    },
    half: of('half'),
    frozen_batch_norm: of('frozen_batch_norm', {
      help: 'whether all batch norm stays as in evaluation during training, as it did in the project',
    }),
    width: of('width'),
    epochs: of('epochs', { default: 10 }),
    batch_size: of('batch_size'),
    lr: of('lr', { default: 1e-3 }),
    weight_decay: of('weight_decay', { default: 0, help: 'how much of each weight is added to its gradient' }),
    ...waysOfTraining,
    select: of('select', { default: 'best' }),
    augment: { default: true, rule: flag, help: 'whether training images are moved and flipped at random' },
    cut_channels: of('cut_channels'),
    seed: of('seed'),
    pruning: {
      rewind: of('start.rewind', {
        conflict: ({ prune }: { prune: number }) => (prune === 0 ? 'nothing is pruned' : undefined),
      }),
      unit: of('magnitude.unit'),
      scope: of('magnitude.scope'),
      schedule: of('magnitude.schedule'),
      times: of('magnitude.times'),
      restore: of('magnitude.restore'),
    },
  },
  presets: {
    quick: {
      help: 'about a minute on two cores: an eighth of the width, synthetic images; prunes 30 % and lets it move at the end',
      values: {
        data: 'synthetic',
        sizes: { train: 4000, validation: 1000, test: 1000 },
        width: 0.125,
        epochs: 12,
        batch_size: 32,
        lr: 4e-3,
        schedule: 'one-cycle',
        prune: 0.3,
        unfreeze_epoch: 10,
        augment: false,
      },
    },
    short: {
      help: 'about a minute on two cores, so that the thirty tasks of notebook 04 fit into half an hour: a quarter of the width, 20,000 images',
      values: { sizes: { train: 20000, validation: 2500 }, width: 0.25, epochs: 5, batch_size: 64 },
    },
    published: { help: "the project's ResNet-18 on CIFAR-10, ten epochs", values: {} },
  },
  examples: [
    'preset=quick',
    'softmax_in_loss=true softmax_scale=10',
    'weights=resnet18.safetensors freeze=0.1',
    'half=first',
    'half=second prune=0.3 ckpt_path=CHECKPOINT',
    'prune=0.3 unfreeze_epoch=5 ckpt_path=CHECKPOINT',
    'prune=0.9 pruning.schedule=polynomial pruning.times=5 ckpt_path=CHECKPOINT',
  ],
  experiment: ({ freeze, augment, new_head }) => ({
    methods: freeze > 0 ? ['magnitude', 'freeze'] : ['magnitude'],
    freeze: freeze > 0 ? { first: freeze } : {},
    optimizer: 'adam',
    augment: augment ? ['crop', 'flip'] : [],
    normalise: 'images',
    start: { except: new_head ? ['hidden', 'logits'] : [] },
  }),
});
