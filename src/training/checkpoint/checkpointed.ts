import { check, wholeNumber } from '../../rules.js';
import type { CheckpointEvent, EpochEvent, StartEvent, StepEvent, TrainingEvent, WarningEvent } from '../events.js';
import type { Provenance } from '../log/provenance.js';
import { checkpointName, notFinite, type CheckpointState } from './checkpoint.js';
import { clearOrphans } from '../../platform/asideName.js';
import { realFiles, type FileSystem } from '../../platform/fileSystem.js';
import { bestOf, isBetter, listCheckpoints, pruneCheckpoints } from './listCheckpoints.js';
import { saveCheckpoint } from './saveCheckpoint.js';
import { takeState, type TrainedParts } from './trainedState.js';

/** What is saved, where, how often, and how many are kept. */
export interface CheckpointOptions extends TrainedParts {
  /** Folder of the checkpoints, created if needed. It belongs to one run. */
  dir: string;
  /** Number of steps between saves. Default: no saves within an epoch. */
  everySteps?: number;
  /** Number of epochs between saves. Default 1. An epoch that is the best so far is always saved. */
  everyEpochs?: number;
  /** How many are kept, in addition to the best. Default 2. */
  keep?: number;
  /**
   * The first epoch, counted from 0, that can be the best one; an earlier one is the best only until there is a later
   * one. Default: 0 without a sparsity method, else four fifths of the epochs, because a network is often most accurate
   * before the method has removed anything.
   */
  bestFrom?: number;
  /** Saved with every checkpoint. */
  settings?: unknown;
  provenance?: Provenance;
  /** Default: the real file system. */
  files?: FileSystem;
}

/**
 * Passes a run's events on and saves checkpoints as folders `step-000352` of `dir`, each with an event.
 *
 * Also saves when the run ends, finished or aborted, but never values that are not finite: a run that diverges leaves
 * its last good checkpoint. A save that fails is a warning, and training goes on; if there is still no checkpoint of
 * the last step at the end, a UserError follows the last event. Leftovers of killed writers are deleted at the start.
 */
export async function* checkpointed(
  events: AsyncIterable<TrainingEvent>,
  options: CheckpointOptions,
): AsyncGenerator<TrainingEvent, void, void> {
  const { everySteps = Infinity, everyEpochs = 1 } = options;
  for (const name of ['everySteps', 'everyEpochs', 'keep'] as const) {
    const value = options[name];
    if (value !== undefined && value !== Infinity) check(name, value, wholeNumber({ min: 1 }));
  }
  const saver = new Saver(options);
  await clearOrphans(options.dir, options.files);
  for await (const event of events) {
    if (event.type === 'start') await saver.begin(event);
    if (event.type === 'end' && event.reason !== 'diverged') yield* saver.save(event.step);
    yield event;
    // An epoch's last step is saved with its scores: a run resumed without them would never compute them.
    const due = 'step' in event && event.step % everySteps === 0;
    if (event.type === 'step' && due && !saver.endsEpoch(event)) yield* saver.save(event.step);
    if (event.type === 'epoch') {
      const isBest = saver.score(event);
      if (isBest || due || (event.epoch + 1) % everyEpochs === 0) yield* saver.save(event.step);
    }
  }
  if (saver.failure) throw saver.failure;
}

/** The data of a finished epoch that its checkpoint needs. */
type Epoch = Pick<CheckpointState, 'step' | 'validation' | 'early'>;

class Saver {
  /** Why the last save failed, if it did. */
  failure?: Error;
  private stepsPerEpoch = 1;
  private bestFrom = 0;
  /** Describes the last save, so that nothing is saved twice. */
  private saved = '';
  private best?: Epoch;
  private latest?: Epoch;

  constructor(private readonly options: CheckpointOptions) {}

  async begin({ startStep, stepsPerEpoch, epochs, sparsifier }: StartEvent): Promise<void> {
    const { checkpoints } = await listCheckpoints(this.options.dir);
    // Later ones belong to steps that will be repeated, perhaps with other results.
    this.best = bestOf(checkpoints.filter(({ step }) => step <= startStep));
    this.stepsPerEpoch = stepsPerEpoch;
    this.bestFrom = this.options.bestFrom ?? (sparsifier === undefined ? 0 : Math.floor(0.8 * epochs));
    this.saved = `${startStep}`;
  }

  endsEpoch({ step }: StepEvent): boolean {
    return step % this.stepsPerEpoch === 0;
  }

  /** Stores an epoch's scores for its checkpoint; returns whether it is the best so far. */
  score({ step, epoch, validation }: EpochEvent): boolean {
    this.latest = { step, validation, early: epoch < this.bestFrom };
    if (!isBetter(this.latest, this.best)) return false;
    this.best = this.latest;
    return true;
  }

  async *save(step: number): AsyncGenerator<CheckpointEvent | WarningEvent, void, void> {
    const { dir, keep = 2, settings, provenance, files = realFiles } = this.options;
    const { validation, early } = this.latest?.step === step ? this.latest : {};
    const best = validation !== undefined && this.best === this.latest;
    const content = `${step}${validation ? ' with scores' : ''}`;
    if (content === this.saved) return;
    const began = performance.now();
    const state = await takeState(this.options);
    const fault = notFinite(state);
    if (fault) {
      const message = `No checkpoint is saved at step ${step}: ${fault} has values that are not finite. Earlier ones stay.`;
      return yield { type: 'warning', message };
    }
    const epoch = Math.floor(step / this.stepsPerEpoch);
    const name = checkpointName(step);
    let path: string;
    try {
      path = await saveCheckpoint(dir, name, { ...state, step, epoch, validation, early, settings, provenance }, files);
    } catch (error) {
      this.failure = error as Error;
      return yield { type: 'warning', message: this.failure.message };
    }
    this.failure = undefined;
    this.saved = content;
    yield { type: 'checkpoint', step, epoch, name, path, best, seconds: (performance.now() - began) / 1000 };
    try {
      await pruneCheckpoints(dir, keep, files);
    } catch (error) {
      yield { type: 'warning', message: (error as Error).message };
    }
  }
}
