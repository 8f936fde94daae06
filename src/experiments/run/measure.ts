import { completeCount, weightCount, publishedCount } from '../../compact/counts.js';
import { measureLatency } from '../../compact/report/latency.js';
import { compact } from '../../compact/shrink/compact.js';
import type { DataSplits } from '../../data/dataSplits.js';
import { zeroCounts, type ZeroCount } from '../../sparsity/prunableWeights.js';
import { type Answers, answersByView, evaluate, scoresFrom } from '../../training/evaluate.js';
import type { EpochEvent, TrainingEvent } from '../../training/events.js';
import type { Provenance } from '../../training/log/provenance.js';
import { normalisationOf } from '../recipe.js';
import type { Measured, RunRecord } from './record.js';
import { savedForm, trainedNetwork, type TrainedNetwork } from './saved.js';

/** Accuracy and loss of a network on one part of the images, prepared as in its training; an aborted signal rejects. */
export async function scoresOf(
  { model, settings }: Pick<TrainedNetwork, 'model' | 'settings'>,
  data: DataSplits,
  part: 'validation' | 'test',
  signal?: AbortSignal,
): Promise<Measured['test']> {
  const scores = await evaluate(model, data[part], { normalise: normalisationOf(settings, data.train), signal });
  return { ...scores, images: data[part].labels.length };
}

/** Scores on the test images, and those averaged over the views that the network's setting `tta` names, if any. */
async function testScores(
  { model, settings: { tta, ...settings } }: TrainedNetwork,
  { train, test }: DataSplits,
  signal?: AbortSignal,
): Promise<Pick<Measured, 'test' | 'test_tta'>> {
  const normalise = normalisationOf(settings, train);
  const { plain, averaged } = await answersByView(model, test, { normalise, tta, signal });
  const measured = (answers: Answers): Measured['test'] => ({ ...scoresFrom(answers), images: test.labels.length });
  return { test: measured(plain), ...(tta !== 'none' && { test_tta: measured(averaged) }) };
}

/** The predicted and the measured time of a pass of the compact network. */
async function timesBeside(
  network: TrainedNetwork,
  predicted: number,
  signal?: AbortSignal,
): Promise<Pick<Measured, 'latency_ms' | 'predicted_ms'>> {
  const images = network.settings.l0.time_images;
  const small = compact(network.model, network.channelMasks()).model;
  try {
    const { median } = await measureLatency(small, images, { signal });
    return { predicted_ms: { [images]: predicted }, latency_ms: { [images]: median } };
  } finally {
    small.dispose();
  }
}

/** Measures a trained network; the test images are seen here. An aborted signal rejects with its reason. */
export async function measure(network: TrainedNetwork, data: DataSplits, signal?: AbortSignal): Promise<Measured> {
  const { model, sparsifier, settings, saved } = network;
  const masks = network.channelMasks();
  const weights = sparsifier?.weightMasks?.() ?? new Map<string, Float32Array>();
  const whole = completeCount(model, masks);
  const left = weights.size > 0 ? weightCount(model, weights, masks) : whole;
  const all = [...(weights.size > 0 && masks.size === 0 ? weights : masks).values()];
  const kernels = zeroCounts(model);
  const sum = (of: keyof ZeroCount): number => [...kernels.values()].reduce((total, count) => total + count[of], 0);
  const method = sparsifier?.summary?.() ?? {};
  // A run that began with a compact network does not have the network that its settings name.
  const countsAsPublished = settings.network === 'googlenet' && saved.topology === undefined && weights.size === 0;
  return {
    validation: await scoresOf(network, data, 'validation', signal),
    ...(await testScores(network, data, signal)),
    sparsity: {
      complete: left.sparsity,
      published: countsAsPublished ? publishedCount(model, masks).sparsity : null,
      zeros: kernels.size === 0 ? 0 : sum('zeros') / sum('entries'),
    },
    parameters: { dense: left.full, left: left.left },
    running_values: { dense: whole.runningValues.full, left: whole.runningValues.left },
    multiply_adds: { dense: left.multiplyAdds.full, left: left.multiplyAdds.left },
    channels: {
      all: all.reduce((sum, mask) => sum + mask.length, 0),
      closed: all.reduce((sum, mask) => sum + mask.filter((value) => value === 0).length, 0),
    },
    ...(method.ms !== undefined && (await timesBeside(network, method.ms, signal))),
    method,
    zeros: Object.fromEntries(
      [...kernels].map(([kernel, { zeros, entries }]) => [kernel, Number((zeros / entries).toFixed(5))]),
    ),
  };
}

/** The accuracies after the last step, if another checkpoint was selected. Reads its network and frees it. */
export async function lastAccuracies(path: string, data: DataSplits, signal?: AbortSignal): Promise<RunRecord['last']> {
  const network = await trainedNetwork(path);
  try {
    const validation = await scoresOf(network, data, 'validation', signal);
    const test = await scoresOf(network, data, 'test', signal);
    return { validation: validation.accuracy, test: test.accuracy };
  } finally {
    network.dispose();
  }
}

interface RecordParts {
  id: string;
  network: TrainedNetwork;
  data: DataSplits;
  events: readonly TrainingEvent[];
  provenance: Provenance;
  measured: Measured;
  last: RunRecord['last'];
}

/** Makes the record of a finished run. */
export function recordOf({ id, network, data, events, provenance, measured, last }: RecordParts): RunRecord {
  const { saved, settings, checkpoint } = network;
  const epochs = events.filter((event): event is EpochEvent => event.type === 'epoch');
  const end = events.findLast((event) => event.type === 'end');
  const steps = end?.step ?? checkpoint.step;
  const { topology: _, experiment: __, ...own } = savedForm(saved) as Record<string, unknown>;
  return {
    format: 'sparsebook record',
    version: 1,
    run: id,
    name: settings.name,
    tags: settings.tags,
    experiment: saved.protocol.name,
    network: network.model.name,
    methods: settings.methods,
    seed: settings.seed,
    settings: own,
    data: {
      name: data.name,
      hash: provenance.data?.hash ?? '',
      train: data.train.labels.length,
      validation: data.validation.labels.length,
      test: data.test.labels.length,
    },
    selected: { which: settings.select, epoch: checkpoint.epoch, step: checkpoint.step },
    last,
    train: epochs.at(-1)?.train.accuracy ?? null,
    epochs: epochs.length,
    steps,
    seconds: Math.round(epochs.reduce((sum, { seconds }) => sum + seconds, 0)),
    machine: provenance.backend,
    date: new Date().toISOString(),
    ...measured,
  };
}
