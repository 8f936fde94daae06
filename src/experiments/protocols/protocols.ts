import { experimentSchema, type ExperimentSettings } from '../experimentSettings.js';
import { settle, givenIn } from '../settings/settle.js';
import { freezePruneResnet18 } from './freezePruneResnet18.js';
import { istaCnn4, istaResnet20 } from './ista.js';
import { l0GoogleNet } from './l0GoogleNet.js';
import type { Protocol } from './protocol.js';
import { reprC3 } from './reprC3.js';

const none = { help: 'nothing is set', values: {} };

/** An experiment without a document: its settings are the experiment's own. */
export const anyExperiment: Protocol<ExperimentSettings> = {
  name: 'experiment',
  summary: 'train any network by any methods: network=resnet20 methods=l0 l0.lambda=20',
  schema: experimentSchema,
  presets: { quick: none, short: none, published: none },
  examples: [
    'network=resnet20 methods=l0 l0.lambda=20 l0.lr_gates=0.03 data=synthetic epochs=4',
    'network=cnn4 methods=magnitude magnitude.prune=0.5 optimizer=sgd momentum=0.9 nesterov=true schedule=one-cycle',
    'network=c3 methods=magnitude,freeze magnitude.unit=channels magnitude.prune=0.3 freeze.first=1 data=FOLDER',
    'ckpt_path=CHECKPOINT resume_training=true',
  ],
  experiment: (settings) => settle(experimentSchema, [], givenIn(settings)),
};

/** The documents' protocols by name, and the experiment without one. */
export const protocols = {
  [l0GoogleNet.name as 'l0-googlenet']: l0GoogleNet,
  [istaResnet20.name as 'ista-resnet20']: istaResnet20,
  [istaCnn4.name as 'ista-cnn4']: istaCnn4,
  [reprC3.name as 'repr-c3']: reprC3,
  [freezePruneResnet18.name as 'freeze-prune-resnet18']: freezePruneResnet18,
  [anyExperiment.name as 'experiment']: anyExperiment,
} as const;

export type ProtocolName = keyof typeof protocols;
