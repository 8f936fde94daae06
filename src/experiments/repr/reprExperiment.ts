import type { Experiment, Presets } from '../experiment.js';
import { runSchema, type RunSettings } from '../runSettings.js';
import type { ReprRun } from './reprRun.js';
import { reprSchema, type ReprSettings } from './reprSettings.js';

type Settings = RunSettings & ReprSettings;

/**
 * S1, S2 and the epochs shrink together: short has the project's three cycles, and no preset ends with filters off. Its
 * 2,820 steps at 0.03 go about as far as the project's 35,200 at the 0.003 that it used without crops; 0.1 learns slower.
 */
const presets: Presets<Settings> = {
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
  seed: { help: "the project's 100 epochs on CIFAR-10", values: {} },
};

/** What the command line knows of the RePr experiment. */
export const reprExperiment: Experiment<Settings, ReprRun> = {
  name: 'repr-c3',
  summary: 'switch off filters of C3 that overlap, and bring them back orthogonal',
  schema: { ...runSchema, ...reprSchema },
  presets,
  examples: [
    'preset=quick',
    'standard=true',
    'S1=20 S2=10 prune_ratio=0.3 lr=0.01',
    'zero_init=false repr.ranking=perLayer',
    'crop=false lr=0.003 repr.reverse=true',
  ],
  // Imported when needed: settings and help do without tensors.
  async run(data, settings, pretrained) {
    const { reprRun } = await import('./reprRun.js');
    return reprRun(data, settings, pretrained);
  },
  async result(run, signal) {
    const { measuredRow } = await import('../measuredRow.js');
    const { standard, S1, S2, epochs } = run.settings;
    return { run: standard ? 'standard' : `RePr ${S1} + ${S2}`, ...(await measuredRow(run, signal)), epochs };
  },
};
