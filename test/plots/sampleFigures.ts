import { runCurves } from 'sparsebook/plots/runCurves.js';
import * as plots from 'sparsebook';
import type { Figure } from 'sparsebook/plots/theme.js';
import type { NamedScores } from 'sparsebook/sparsity/orthogonality.js';
import { madeSweep } from './madeSweep.ts';

/** Three layers in two blocks: 3 of 4, 0 of 2 and 1 of 2 gates are open. */
export const masks = new Map([
  ['block1_1x1_gate', Float32Array.of(0, 0.25, 1, 1)],
  ['block1_3x3_gate', Float32Array.of(0, 0)],
  ['block2_pool_gate', Float32Array.of(0, 0.75)],
]);

/** 600 steps in three epochs of a run that learns. */
export const log = Array.from({ length: 600 }, (_, i) => i + 1).flatMap((step) => {
  const crossEntropy = 2.3 * Math.exp(-step / 300);
  const penalty = 0.5 * Math.exp(-step / 900);
  const accuracy = 1 - 0.9 * Math.exp(-step / 300);
  const epoch = Math.ceil(step / 200) - 1;
  const scores = { loss: crossEntropy, accuracy };
  const event = { type: 'step', step, epoch, loss: crossEntropy + penalty, crossEntropy, penalty, accuracy };
  return step % 200 === 0 ? [event, { type: 'epoch', epoch, step, train: scores, validation: scores }] : [event];
});

const classNames = ['plane', 'car', 'bird'];
const labels = Uint8Array.of(0, 1, 1, 2);
export const imageSet = {
  name: 'stripes',
  shape: [32, 32, 3] as const,
  images: new Uint8Array(4 * 3072).map((_, i) => 128 + 100 * Math.sin((i % 3) + i / 40)),
  labels,
  classNames,
};

/** The masks of one inception block: 1 of 2, 2 of 3, 0 of 2 and 1 of 1 channels are open. */
export const blockMasks = new Map([
  ['block2_1x1_conv', Float32Array.of(0, 1)],
  ['block2_3x3_conv', Float32Array.of(0.5, 1, 0)],
  ['block2_5x5_conv', Float32Array.of(0, 0)],
  ['block2_pool_conv', Float32Array.of(1)],
]);

/** A comparison: a network, a method at two sizes, a method without runs, and a narrower network. */
const groupOf = (entry: string): plots.RunGroup => ({ entry, group: entry, values: {}, runs: 3 });
const resultOf = (entry: string, left: number, accuracy: number): plots.SweepResult => ({
  ...groupOf(entry),
  n: 3,
  means: { 'test.accuracy': accuracy, 'multiply_adds.left': 8e7 * left },
  interval: { low: accuracy - 0.01, high: accuracy + 0.01, by: 'seeds' },
});
const compared = [
  resultOf('dense', 1, 0.9),
  resultOf('L0 gates', 0.6, 0.85),
  resultOf('L0 gates', 0.2, 0.7),
  { ...groupOf('ISTA on gammas'), n: 0, means: {} },
  resultOf('narrower network', 0.3, 0.6),
];

const kernels = ['stem_conv/kernel', 'stage1_block1_first_conv/kernel', 'logits/kernel'];
/** The gradients of three kernels: the second has none at all. */
export const gradients = [2, 0, 0.5].map((norm, i) => ({ kernel: kernels[i], norm, still: norm === 0 ? 1 : 0 }));
/**
 * Two versions of a network with one layer to prune: of three channels one closes at the first version's end and is cut
 * out.
 */
const entry = (step: number, conv: number[], fakeSparsity: number) => ({
  step,
  gammas: { stage1_first_conv: conv },
  groupLasso: conv.reduce((sum, gamma) => sum + Math.abs(gamma), 0),
  fakeSparsity,
});
export const versions = [
  {
    name: 'warm-up',
    history: {
      log: [entry(10, [1, 0.8, 0.5], 0), entry(20, [1.1, 0.6, 0], 1 / 3)],
      epochs: [{ step: 25, validation: 0.8 }],
    },
  },
  {
    name: 'fine-tuning',
    history: { log: [entry(10, [1.2, 0.7], 0)], epochs: [{ step: 10, validation: 0.85 }] },
  },
];

/** The cosines of a layer of three filters, the third of which is off. */
const cosines = {
  block1_conv: [
    [1, -0.4, 0],
    [-0.4, 1, 0],
    [0, 0, 0],
  ],
  block2_conv: [
    [1, 0.2],
    [0.2, 1],
  ],
};

/** A run of RePr and a standard one, five epochs each with S1 = 2 and S2 = 1, from the given seed. */
export const reprRecords = (seed: number) =>
  ['RePr', 'standard'].map((name) => ({
    name,
    history: {
      epochs: [1, 2, 3, 4, 5].map((epoch) => ({
        epoch,
        phase: name === 'standard' ? null : epoch === 3 ? ('S2' as const) : ('S1' as const),
        train: 0.1 * epoch,
        validation: 0.09 * epoch + 0.01 * seed,
        overlap: { block1_conv: 0.3 / epoch, block2_conv: 0.1 },
      })),
      prunings: name === 'standard' ? [] : [{ epoch: 3, filters: { block1_conv: '110', block2_conv: '10' } }],
    },
  }));

export const scores: NamedScores[] = [
  { layer: 'block1_conv', scores: [0.1, 0.2, 0.15, 0.3], fanIn: 27 },
  { layer: 'block2_conv', scores: [0.05, 0.06, 0.04, 0.09], fanIn: 288 },
];

/** Every figure of src/plots, drawn from small data. */
export const figures: Record<string, Figure> = {
  hardConcreteDensity: plots.hardConcreteDensity(),
  hardConcreteDensityTemperatures: plots.hardConcreteDensity({ logAlphas: [0], temperatures: [0.2, 2 / 3, 1] }),
  hardConcreteSamples: plots.hardConcreteSamples({ logAlpha: 1 }),
  bernoulliToConcrete: plots.bernoulliToConcrete(),
  hardConcreteSlider: plots.hardConcreteSlider(),
  inceptionBlock: plots.inceptionBlock(blockMasks, { block: 2 }),
  penaltyCurve: plots.penaltyCurve(),
  trainingCurves: plots.trainingCurves(log),
  trainingCurvesOfEpochs: plots.trainingCurves(log.filter((event) => event.type === 'epoch')),
  trainingCurvesBeforeTheFirstStep: plots.trainingCurves([]),
  penaltyDuringTraining: plots.penaltyDuringTraining([
    { name: 'λ = 10', events: log },
    { name: 'λ = 50', events: log },
  ]),
  gateHistogram: plots.gateHistogram(masks),
  gatesPerLayer: plots.gatesPerLayer([
    { epoch: 1, masks: new Map([...masks].map(([layer, mask]) => [layer, mask.map(() => 1)])) },
    { epoch: 2, masks },
  ]),
  accuracyAgainstSparsity: plots.accuracyAgainstSparsity([{ label: 'λ = 10', sparsity: 0.1, accuracy: 0.9 }], {
    reference: { name: 'published', points: [{ label: 'tune 30', sparsity: 0.64, accuracy: 0.8588 }] },
  }),
  accuracyAgainstCost: plots.accuracyAgainstCost(compared, 'multiply_adds.left'),
  costsBeforeTheFirstRun: plots.accuracyAgainstCost(compared, 'latency_ms.128'),
  widthsPerLayer: plots.widthsPerLayer([
    { layer: 'block1_1x1', before: 16, after: 12 },
    { layer: 'block1_3x3', before: 32, after: 8 },
  ]),
  proximalStep: plots.proximalStep(),
  gammasOverSteps: plots.gammasOverSteps(versions),
  versionsOverSteps: plots.versionsOverSteps(versions),
  accuracyByStage: plots.accuracyByStage([
    {
      name: 'synthetic',
      stages: [
        { stage: 'pruned', accuracy: 0.9, images: 100 },
        { stage: 'compact', accuracy: 0.9, images: 100 },
      ],
    },
  ]),
  penaltySweep: plots.penaltySweep(
    [
      { l1_penalty: 0.1, weight_decay: 0, fakeSparsity: 0.5, validation: 0.7 },
      { l1_penalty: 0, weight_decay: 0, fakeSparsity: 0, validation: 0.8 },
      { l1_penalty: 0.1, weight_decay: 5e-4, fakeSparsity: 0.4, validation: 0.75 },
    ],
    { start: { validation: 0.7 } },
  ),
  exampleImages: plots.exampleImages(imageSet),
  gradientsPerLayer: plots.gradientsPerLayer([
    { name: 'logits', gradients },
    { name: 'softmax', gradients: gradients.map((g) => ({ ...g, norm: g.norm / 10 })) },
  ]),
  softmaxTwice: plots.softmaxTwice(),
  curvesOverEpochs: plots.curvesOverEpochs(
    [
      { name: 'prune 10 %', epochs: [1, 2], shares: [0.1, 0.1] },
      { name: 'not begun', epochs: [], shares: [] },
    ],
    { quantity: 'zero weights', of: 'weights' },
  ),
  runCurves: runCurves(
    [
      { name: '<b>lambda</b> & 10', x: [1, 2, 3, 4, 5], y: [10, null, 30, 35, 60], style: 0 },
      { name: 'lambda 20', x: [1], y: [10], style: 7 },
    ],
    { title: 'Validation accuracy', quantity: 'accuracy', unit: '% of images' },
  ),
  runsBeforeTheirFirstEpoch: runCurves([], { title: 'Speed of training', quantity: 'images', unit: '1/s' }),
  curvesBeforeTheFirstEpoch: plots.curvesOverEpochs([{ name: 'softmax', epochs: [], shares: [] }]),
  zerosPerLayer: plots.zerosPerLayer([
    { name: 'prune 30 %', shares: new Map([0.1, 0.5, 0].map((share, i) => [kernels[i], share])) },
  ]),
  accuracyByPruning: plots.accuracyByPruning(
    [
      {
        name: 'at once',
        points: [
          { pruned: 0.5, accuracies: [0.8, 0.9] },
          { pruned: 0.9, accuracies: [0.5] },
        ],
      },
    ],
    { dense: { name: 'whole', accuracy: 0.9 } },
  ),
  gramMatrices: plots.gramMatrices([
    { name: 'before', cosines },
    { name: 'after', cosines },
  ]),
  reprCycle: plots.reprCycle({ S1: 2, S2: 1, epochs: 8 }),
  reprCurves: plots.reprCurves([...reprRecords(1), ...reprRecords(3)]),
  reprCurvesOfOneRun: plots.reprCurves(reprRecords(1).slice(1)),
  filterMap: plots.filterMap([reprRecords(1)[0], { ...reprRecords(1)[0], name: 'reverse' }]),
  overlapDuringTraining: plots.overlapDuringTraining(reprRecords(1)),
  accuracyIntervals: plots.accuracyIntervals([
    plots.reportedPoint('paper', 'standard', 0.721),
    { line: 'here', series: 'standard', n: 3, mean: 0.65, halfWidth: 0.02 },
    { line: 'here', series: 'RePr', n: 3, mean: 0.66, halfWidth: 0.03 },
  ]),
  filterScores: plots.filterScores(scores, { prune_ratio: 0.3 }),
  sweepExplorer: plots.sweepExplorer(madeSweep({ lambdas: [10, 20], seeds: 3 })),
  sweepExplorerBefore: plots.sweepExplorer({ ...madeSweep({ lambdas: [10, 20], seeds: 3 }), records: [] }),
};
