import { existsSync, join } from '#platform';
import type * as tf from '@tensorflow/tfjs';
import type { DataSplits } from '../../data/dataSplits.js';
import type { Checkpoint } from '../../training/checkpoint/checkpoint.js';
import { checkpointed } from '../../training/checkpoint/checkpointed.js';
import { findCheckpoint } from '../../training/checkpoint/listCheckpoints.js';
import { resumeFrom } from '../../training/checkpoint/trainedState.js';
import type { TrainingEvent } from '../../training/events.js';
import { provenance, type Provenance } from '../../training/log/provenance.js';
import { addEvent, readRun, runFiles } from '../../training/log/readRun.js';
import type { RunFolder } from '../../training/log/runFolder.js';
import type { ExperimentSettings } from '../experimentSettings.js';
import { builtNetwork, type OwnNetwork, type StartPoint } from './identity.js';
import { lastAccuracies, measure, recordOf } from './measure.js';
import { bestFrom } from '../methods/methods.js';
import { networkOf, type StartNetwork } from '../networks.js';
import { protocolWarnings, type Protocol } from '../protocols/protocol.js';
import { deleteRecord, numbersOf, saveRecord, type RunRecord } from './record.js';
import { readSaved, savedForm, trainedNetwork, type SavedRun, type TrainedNetwork } from './saved.js';
import { openSession, type Session } from './session.js';

/** Everything that a run is trained with. */
interface TrainedParts {
  protocol: Protocol;
  /** The protocol's settings in full. */
  settings: object;
  /** The network of `network=own`. */
  own?: OwnNetwork;
  identity: string;
  /** The checkpoint from which it continues. */
  checkpoint?: Checkpoint;
  /** Where it starts, if it does not continue. */
  start?: StartPoint;
  /** The images that it is trained and measured with. */
  data: DataSplits;
}

/**
 * Trains a run in its folder, event by event; `history` keeps all events, including those before an interruption.
 * Returns the record and the network once it is finished.
 */
export async function* trainRun(
  folder: RunFolder,
  parts: TrainedParts,
  history: TrainingEvent[],
  signal?: AbortSignal,
): AsyncGenerator<TrainingEvent, { record: RunRecord; network: TrainedNetwork } | undefined, void> {
  const { protocol, settings, checkpoint, data } = parts;
  const before = existsSync(join(folder.dir, runFiles.metrics)) ? await readRun(folder.dir) : undefined;
  history.splice(0, Infinity, ...(before?.events ?? []));
  const experiment = protocol.experiment(settings);
  const session = await sessionOf(experiment, parts, signal);
  let finished = false;
  let origin: Provenance;
  try {
    const now = await provenance({ data });
    const startStep = checkpoint ? resumeFrom(checkpoint, session, now.data) : 0;
    const saved = savedForm({ protocol, settings, topology: session.topology } as SavedRun);
    origin = { ...now, ...(before?.provenance as Partial<Provenance>), identity: parts.identity };
    await folder.begin({ settings: saved, provenance: origin });
    // A run that continues may have been finished before: soon, its checkpoints no longer match that record.
    await deleteRecord(folder.dir);
    const { checkpoints } = experiment;
    const saving = checkpointed(noticed(session, parts, startStep, signal), {
      ...session,
      dir: folder.checkpoints,
      everyEpochs: checkpoints.every_epochs,
      everySteps: checkpoints.every_steps ?? undefined,
      keep: checkpoints.keep,
      bestFrom: checkpoints.best_from ?? bestFrom(experiment),
      settings: saved,
      provenance: origin,
    });
    const { sparsifier } = session;
    for await (const event of folder.logged(saving, () => sparsifier?.channelMasks() ?? new Map())) {
      addEvent(history, event);
      finished = event.type === 'end' && event.reason === 'finished';
      yield event;
    }
  } finally {
    session.dispose();
  }
  return finished ? finish(folder, { select: experiment.select, data, history, origin }, signal) : undefined;
}

/** Measures the trained network, and writes the record. */
async function finish(
  folder: RunFolder,
  { select, data, history, origin }: { select: string; data: DataSplits; history: TrainingEvent[]; origin: Provenance },
  signal?: AbortSignal,
): Promise<{ record: RunRecord; network: TrainedNetwork }> {
  const [selected, end] = await Promise.all(
    [select, 'last'].map((which) => findCheckpoint(join(folder.checkpoints, which))),
  );
  const network = await trainedNetwork(selected);
  const measured = await measure(network, data, signal);
  const last = end === selected ? null : await lastAccuracies(end, data, signal);
  const record = recordOf({ id: folder.id, network, data, events: history, provenance: origin, measured, last });
  await folder.hold();
  await saveRecord(folder.dir, record);
  await folder.logMetrics(numbersOf({ ...measured, method: {} }), record.steps);
  return { record, network };
}

/** The events of a session, after its warnings. */
async function* noticed(
  session: Session,
  { protocol, settings, start }: TrainedParts,
  startStep: number,
  signal?: AbortSignal,
): AsyncGenerator<TrainingEvent, void, void> {
  if (startStep === 0) {
    const starts = start === undefined ? 'anew' : 'from a network';
    const { begun, steps, stepsPerEpoch } = session.length;
    const run = { epochs: begun, steps, stepsPerEpoch };
    const all = [...session.warnings, ...protocolWarnings(protocol, settings, { starts, run })];
    for (const message of all) yield { type: 'warning', message };
    if (session.opening !== undefined) {
      yield { type: 'note', kind: 'opening', step: 0, epoch: 0, values: { text: session.opening } };
    }
  }
  yield* session.events(signal, startStep);
}

/** The factor on a trained network's gammas; compaction gives them their usual size. */
const alphaOf = ({ settings: { start, ista } }: TrainedNetwork): number => (start.compact ? 1 : ista.alpha);

async function sessionOf(
  settings: ExperimentSettings,
  { own, checkpoint, start, data }: TrainedParts,
  signal?: AbortSignal,
): Promise<Session> {
  if (checkpoint) {
    const { topology } = readSaved(checkpoint.settings, checkpoint.path);
    const model = topology && (await networkOf(topology));
    const continued = { ...settings, weights: null, ...(model && { network: 'own' as const }) };
    const session = await openSession(continued, data, { own: model, saved: checkpoint.sparsifier?.state, signal });
    return { ...session, topology };
  }
  const model = own && (await builtNetwork(own));
  if (start === undefined) return openSession(settings, data, { own: model, signal });
  const trained = typeof start === 'string' ? await trainedNetwork(start) : undefined;
  const from: StartNetwork = trained
    ? { model: trained.model, masks: trained.channelMasks(), alpha: alphaOf(trained) }
    : { model: start as tf.LayersModel, masks: new Map() };
  try {
    return await openSession(settings, data, { from, own: model, signal });
  } finally {
    trained?.dispose();
  }
}
