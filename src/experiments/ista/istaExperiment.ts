import type { Experiment } from '../experiment.js';
import { runSchema, type RunSettings } from '../runSettings.js';
import { istaLogLine } from './istaLogLine.js';
import { istaPresets } from './istaPresets.js';
import type { IstaRun } from './istaRun.js';
import { istaSchema, istaVersions, type IstaNetwork, type IstaSettings } from './istaSettings.js';

type Settings = RunSettings & IstaSettings;

/** What the command line knows of the ISTA experiment with one of its networks. */
const istaExperiment = (network: IstaNetwork, title: string): Experiment<Settings, IstaRun> => ({
  name: `ista-${network}`,
  summary: `prune channels of ${title} by the gammas of its batch norms`,
  schema: { ...runSchema, ...istaSchema(network) },
  presets: istaPresets(network),
  examples: [
    'preset=quick',
    'checkpoint_version=0 l1_penalty=0.001 max_steps=30000',
    'checkpoint_version=1 l1_penalty=0.005 max_steps=50000 ckpt_path=CHECKPOINT',
    'checkpoint_version=2 l1_penalty=0.0 max_steps=50000 learning_rate=0.01 ckpt_path=CHECKPOINT',
    'ckpt_path=CHECKPOINT resume_training=true',
  ],
  stages: ({ checkpoint_version }) =>
    checkpoint_version === null ? istaVersions.map((_, version) => ({ checkpoint_version: version })) : [{}],
  // Imported when needed: settings and help do without tensors.
  async run(...given) {
    const { istaRun } = await import('./istaRun.js');
    const { reported } = await import('./reported.js');
    return reported(istaRun(network, ...given));
  },
  stepLine: ({ step }, { log }) => {
    const last = log.at(-1);
    return last?.step === step ? istaLogLine(last) : undefined;
  },
  async result(run, signal) {
    const { istaResult } = await import('./istaResult.js');
    return istaResult(run, signal);
  },
});

export const istaResnet20Experiment = istaExperiment('resnet20', 'ResNet-20');
export const istaCnn4Experiment = istaExperiment('cnn4', 'a CNN of four convolutions');
