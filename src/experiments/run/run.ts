import { dirname, existsSync, join } from '#platform';
import { dataHash, type DataSplits } from '../../data/dataSplits.js';
import { UserError } from '../../errors.js';
import { duration } from '../../formats/text.js';
import type { Checkpoint } from '../../training/checkpoint/checkpoint.js';
import { findCheckpoint, hasWeights } from '../../training/checkpoint/listCheckpoints.js';
import { loadCheckpoint, loadLatest } from '../../training/checkpoint/loadCheckpoint.js';
import { answers, type Answers } from '../../training/evaluate.js';
import type { NoteEvent, Scores, TrainingEvent } from '../../training/events.js';
import { runsFolder } from '../../training/log/listRuns.js';
import { readProvenance, readRun, runFiles } from '../../training/log/readRun.js';
import { reopenRun, type RunFolder } from '../../training/log/runFolder.js';
import { acquireRun, findRun, followed, type RunEvent } from './acquireRun.js';
import type { ExperimentSettings } from '../experimentSettings.js';
import { noteFinished } from './finishedRuns.js';
import { identityOf, readOwnNetwork, sameOutcome, type OwnNetwork, type StartPoint } from './identity.js';
import { scoresOf } from './measure.js';
import { maskSnapshots, notesOf, type MaskSnapshot } from './notes.js';
import type { Protocol } from '../protocols/protocol.js';
import { normalisationOf } from '../recipe.js';
import { readRecord, type RunRecord } from './record.js';
import { checkLength, readSaved, resumedSettings, trainedNetwork, type TrainedNetwork } from './saved.js';
import { halfOf, imagesOf } from './session.js';
import type { Given } from '../settings/settle.js';
import { trainRun } from './trainRun.js';

/** What a run is made of. */
export interface RunRequest {
  protocol: Protocol;
  /** The protocol's settings in full. */
  settings: object;
  /** Default: those that the settings name. */
  images?: DataSplits;
  /** The `dataHash` of those images that are used, if it is already known. */
  imagesHash?: string;
  /** Default: the checkpoint that the settings name, if any. */
  start?: StartPoint | Run;
  /** The network of `network=own`. */
  own?: OwnNetwork;
  /** Where runs are kept. Default: data/runs. */
  root?: string;
}

/**
 * A run of an experiment, trained by reading its events; it has an identity (see `identityOf`) and a folder in
 * data/runs. A run that is finished is loaded instead of trained, one that is incomplete continues from its last
 * checkpoint, and one that another process trains is followed. Trained networks are always read from checkpoints,
 * whichever process trained them.
 */
export class Run {
  /** The experiment's settings in full. */
  readonly settings: ExperimentSettings;
  /** All events so far, including those before an interruption. */
  readonly history: TrainingEvent[] = [];
  /** Its folder, once it has been asked for. */
  dir?: string;
  private found?: RunRecord;
  private images?: DataSplits;
  private trained?: TrainedNetwork;
  private again: boolean;
  private read?: OwnNetwork;
  /** The signal with which its events were last read; it also stops retraining of its weights. */
  private signal?: AbortSignal;
  /** How it continues, if it was made from one of its checkpoints. */
  private goesOn?: (signal?: AbortSignal) => AsyncGenerator<RunEvent, void, void>;

  constructor(private readonly request: RunRequest) {
    this.settings = request.protocol.experiment(request.settings);
    this.again = this.settings.again;
  }

  /** The protocol's settings in full. */
  get own(): object {
    return this.request.settings;
  }

  /** The record of the run. Throws a UserError if it is not finished. */
  get record(): RunRecord {
    const { name, tags } = this.settings;
    // The record has the name that was asked for, even if the run was trained under another.
    if (this.found)
      return { ...this.found, name: name ?? this.found.name, tags: tags.length > 0 ? tags : this.found.tags };
    throw new UserError(
      'A run must be finished before its results are read; this one is not. Read its events first, e.g. with await watch(run) or await run.finish().',
    );
  }

  get isFinished(): boolean {
    return this.found !== undefined;
  }

  /** The masks before training and after each epoch; empty without a method. */
  get snapshots(): MaskSnapshot[] {
    return maskSnapshots(this.history);
  }

  /** The notes of one kind, in order: `gammas`, `overlap`, `turn`, `masks`. */
  notes<T extends object>(kind: string): (NoteEvent & { values: T })[] {
    return notesOf<T>(this.history, kind);
  }

  /**
   * The images that it is trained and measured with: those given, or those that the settings name, with all or one half
   * of the training images.
   */
  async data(): Promise<DataSplits> {
    return (this.images ??= halfOf(this.request.images ?? (await imagesOf(this.settings)), this.settings.half));
  }

  /**
   * Trains, loads or follows the run, event by event; an aborted `signal` ends training between two steps and
   * saves. Throws a UserError for settings, images and weights that do not fit.
   */
  async *events(signal?: AbortSignal): AsyncGenerator<RunEvent, void, void> {
    this.signal = signal;
    if (this.found && this.dir) return yield* this.load(this.dir);
    if (this.goesOn) return yield* this.goesOn(signal);
    const identity = await this.identity(await this.startPoint(signal));
    for (;;) {
      const acquired = await acquireRun(this.request.root ?? runsFolder(), this.title(), identity, this.again);
      this.dir = acquired.dir;
      if (acquired.state === 'finished') return yield* this.load(acquired.dir);
      if (acquired.state === 'held') {
        yield* followed(acquired.dir, acquired.why, signal);
        if (signal?.aborted) return;
        continue;
      }
      this.again = false;
      return yield* this.train(acquired.folder, { identity: () => identity }, signal);
    }
  }

  /**
   * Returns its folder if it already has one, finished or incomplete, without training it. A run that it starts from
   * must be finished.
   */
  async find(): Promise<string | undefined> {
    const identity = await this.identity(await this.startPoint());
    return findRun(this.request.root ?? runsFolder(), this.title(), identity);
  }

  /** Reads all events. Throws a UserError for a run that was stopped or diverged. */
  async finish(signal?: AbortSignal): Promise<this> {
    for await (const event of this.events(signal)) {
      if (event.type !== 'end' || event.reason === 'finished') continue;
      throw new UserError(`The run ${this.title()} (seed ${this.settings.seed}) did not finish: ${event.message}`);
    }
    return this;
  }

  /** Continues a run from one of its checkpoints, to its end or for longer. */
  static async resume(ckpt_path: string, given: readonly Given[]): Promise<Run> {
    const path = await findCheckpoint(ckpt_path);
    const checkpoint = await loadCheckpoint(path);
    const saved = readSaved(checkpoint.settings, checkpoint.path);
    const { protocol, topology } = saved;
    const { ckpt_path: from, resume_training, again } = saved.settings;
    // The original start of the run stays as it was.
    const settings = { ...resumedSettings(saved, given), ckpt_path: from, resume_training, again };
    const own = topology && { topology, weights: new Map<string, Float32Array>(), frozen: [] };
    const run = new Run({ protocol, settings, own });
    checkLength(checkpoint, run.settings);
    const dir = dirname(dirname(path));
    const isRun = existsSync(join(dir, runFiles.settings)) && existsSync(join(dir, runFiles.metrics));
    run.goesOn = async function* (signal) {
      // Taken before anything else, so that no other process takes the run further in between.
      const folder = isRun ? await reopenRun(dir) : undefined;
      // A run that continues to its end keeps its identity; one that goes further gets another.
      const isSame = isRun && sameOutcome(protocol.experiment(saved.settings), run.settings);
      const identity = async () => (isSame && (await readProvenance(dir)).identity) || run.identity(path);
      yield* run.train(folder, { identity, checkpoint }, signal);
    };
    return run;
  }

  /**
   * The path of the checkpoint of the run's final network. A run whose weights are not in its folder, as in a page that
   * carries only its record, is trained again first. Throws a UserError for a run that is not finished.
   */
  async checkpoint(): Promise<string> {
    const path = await this.selected();
    if (hasWeights(path)) return path;
    const again = new Run(this.request);
    again.again = true;
    await again.finish(this.signal?.aborted ? undefined : this.signal);
    again.dispose();
    [this.dir, this.found] = [again.dir, again.found];
    return this.selected();
  }

  /**
   * The run's final network, as it was evaluated, with its masks. The run owns it: `dispose` frees it. Throws a
   * UserError for a run that is not finished.
   */
  async network(): Promise<TrainedNetwork> {
    return (this.trained ??= await trainedNetwork(await this.checkpoint()));
  }

  /** Accuracy and loss of that network on one part of the images. An aborted signal rejects with its reason. */
  async evaluate(part: 'validation' | 'test', signal?: AbortSignal): Promise<Scores> {
    return scoresOf(await this.network(), await this.data(), part, signal);
  }

  /** The network's answers image by image: 1 for a right answer, else 0. */
  async answers(part: 'validation' | 'test', signal?: AbortSignal): Promise<Answers> {
    const [{ model, settings }, data] = [await this.network(), await this.data()];
    return answers(model, data[part], { normalise: normalisationOf(settings, data.train), signal });
  }

  /** Frees the network, if there is one; the next `network()` reads it again. */
  dispose(): void {
    this.trained?.dispose();
    this.trained = undefined;
  }

  /** The title of runs of this experiment: network and methods. */
  private title(): string {
    const { network, methods } = this.settings;
    return [network, ...methods].join('-');
  }

  private async identity(start?: StartPoint): Promise<string> {
    const images = this.request.imagesHash ?? dataHash(await this.data());
    return identityOf(this.settings, images, { start, own: await this.ownNetwork() });
  }

  /** The network of `network=own`: the one given, or that of a file. */
  private async ownNetwork(): Promise<OwnNetwork | undefined> {
    const { model } = this.settings;
    if (this.request.own || model === null) return this.request.own;
    return (this.read ??= await readOwnNetwork(model));
  }

  /** Where it starts; the weights of a run that it starts from are needed only for training. */
  private async startPoint(signal?: AbortSignal, toTrain = false): Promise<StartPoint | undefined> {
    const start = this.request.start ?? this.settings.ckpt_path ?? undefined;
    if (!(start instanceof Run)) return start;
    if (!start.isFinished) await start.finish(signal);
    return toTrain ? start.checkpoint() : start.selected();
  }

  /** The path of the selected network's checkpoint, whether its weights are there or not. */
  private async selected(): Promise<string> {
    const { selected } = this.record;
    return findCheckpoint(join(this.dir!, runFiles.checkpoints, selected.which));
  }

  private async *load(dir: string): AsyncGenerator<RunEvent, void, void> {
    const record = (await readRecord(dir))!;
    const { events, id } = await readRun(dir);
    this.history.splice(0, Infinity, ...events);
    this.came(record, true);
    const path = await this.selected().catch(() => undefined);
    const without = path !== undefined && !hasWeights(path);
    const message =
      `loaded: trained on ${record.date.slice(0, 16).replace('T', ' ')} UTC; again=true trains it anew` +
      (without ? `, and so does what needs its weights, which are not here (${duration(record.seconds)} there)` : '');
    yield { type: 'loaded', run: id, dir, date: record.date, message };
    yield* events;
  }

  /** Trains in a folder that was taken, else in a new one, and closes it even after an error, so others get the run. */
  private async *train(
    taken: RunFolder | undefined,
    from: { identity: () => string | Promise<string>; checkpoint?: Checkpoint },
    signal?: AbortSignal,
  ): AsyncGenerator<RunEvent, void, void> {
    const known = taken ? undefined : await from.identity();
    const folder = taken ?? (await this.ownFolder(known!));
    this.dir = folder.dir;
    try {
      const identity = known ?? (await from.identity());
      const { protocol, settings } = this.request;
      const checkpoint = from.checkpoint ?? (await loadLatest(folder.checkpoints));
      const [own, start] = checkpoint ? [] : [await this.ownNetwork(), await this.startPoint(signal, true)];
      const parts = { protocol, settings, own, identity, checkpoint, start, data: await this.data() };
      const trained = yield* trainRun(folder, parts, this.history, signal);
      if (!trained) return;
      this.dispose();
      this.trained = trained.network;
      this.came(trained.record, false);
    } finally {
      await folder.close();
    }
  }

  private async ownFolder(identity: string): Promise<RunFolder> {
    const acquired = await acquireRun(this.request.root ?? runsFolder(), this.title(), identity, true);
    if (acquired.state !== 'taken')
      throw new UserError(`The run's folder ${acquired.dir} was taken by another process meanwhile. Try again.`);
    return acquired.folder;
  }

  private came(record: RunRecord, loaded: boolean): void {
    this.found = record;
    noteFinished({ id: record.run, name: this.record.name ?? record.run, loaded });
  }
}
