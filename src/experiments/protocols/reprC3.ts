import { flag } from '../../rules.js';
import { of, protocol, waysOfTraining } from './protocol.js';

const ofRepr = {
  conflict: ({ standard }: { standard: boolean }) =>
    standard ? 'standard=true trains all filters throughout' : undefined,
};

/** The settings that decide about the next layer's weights for a filter that comes back. */
export interface NextWeights {
  zero_init: boolean;
  repr: { next_layer: string };
}

/** The RePr project's C3 (Prakash et al. 2019): 100 epochs of plain SGD, pruned three times by 30 %. */
export const reprC3 = protocol({
  name: 'repr-c3',
  network: 'c3',
  summary: 'switch off filters of C3 that overlap, and bring them back orthogonal',
  fields: {
    standard: { default: false, rule: flag, help: 'whether all filters train throughout, for comparison' },
    S1: of('repr.S1', ofRepr),
    S2: of('repr.S2', ofRepr),
    prune_ratio: of('repr.prune_ratio', ofRepr),
    zero_init: {
      default: true,
      rule: flag,
      help: 'whether the next weights of a filter that comes back are 0, instead of random',
      conflict: ({ zero_init, repr, ...settings }: NextWeights & { standard: boolean }) =>
        ofRepr.conflict(settings) ??
        (zero_init === (repr.next_layer === 'zero')
          ? undefined
          : `repr.next_layer=${repr.next_layer} decides about them`),
    },
    width: of('width'),
    epochs: of('epochs', { default: 100 }),
    batch_size: of('batch_size'),
    lr: of('lr', { default: 0.01 }),
    ...waysOfTraining,
    select: of('select', { default: 'best' }),
    crop: {
      default: true,
      rule: flag,
      help: 'whether training images are moved by up to 4 pixels at random; they are flipped in any case',
    },
    seed: of('seed'),
    repr: {
      ranking: of('repr.ranking', ofRepr),
      reverse: of('repr.reverse', ofRepr),
      next_layer: of('repr.next_layer', {
        default: ({ zero_init }: NextWeights) => (zero_init ? 'zero' : 'random'),
        ...ofRepr,
      }),
      scaling: of('repr.scaling', ofRepr),
      bias_trains: of('repr.bias_trains', ofRepr),
    },
  },
  // S1, S2 and the epochs shrink together: short has the project's three cycles, and no preset ends with filters off.
  // Its 2,820 steps at 0.03 go about as far as the project's 35,200 at the 0.003 that it used without crops; 0.1 learns
  // slower.
  presets: {
    quick: {
      help: 'about a minute on two cores: a narrow network, synthetic images, two cycles of 3 + 1 epochs',
      values: {
        data: 'synthetic',
        sizes: { train: 4000, validation: 1000, test: 1000 },
        width: 0.25,
        S1: 3,
        S2: 1,
        epochs: 11,
        batch_size: 32,
        lr: 0.05,
      },
    },
    short: {
      help: 'about five minutes on two cores: a fifth of S1, S2 and the epochs, two fifths of the images, three times the lr',
      values: { sizes: { train: 18_000 }, S1: 4, S2: 2, epochs: 20, lr: 0.03 },
    },
    published: { help: "the project's 100 epochs on CIFAR-10", values: {} },
  },
  examples: [
    'preset=quick',
    'standard=true',
    'S1=20 S2=10 prune_ratio=0.3 lr=0.01',
    'zero_init=false repr.ranking=perLayer',
    'crop=false lr=0.003 repr.reverse=true',
  ],
  experiment: ({ standard, crop }) => ({
    methods: standard ? [] : ['repr'],
    optimizer: 'sgd',
    weight_decay: 0,
    augment: crop ? ['crop', 'flip'] : ['flip'],
    normalise: 'images',
  }),
});
