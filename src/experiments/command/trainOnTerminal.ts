import { useBackend } from '../../backend/useBackend.js';
import { describeData } from '../../data/dataSplits.js';
import { duration } from '../../formats/text.js';
import { fieldList } from '../../formats/text.js';
import { shownPath } from '../../cli/output.js';
import { stopSignals } from '../../cli/stopSignals.js';
import { checkpointed, loadCheckpoint } from '../../training/checkpoint/index.js';
import type { EndEvent, TrainingEvent } from '../../training/events.js';
import { createRun, logged, provenance, type Run } from '../../training/log/index.js';
import { asEvaluated } from '../asEvaluated.js';
import type { AnyExperiment } from '../experiment.js';
import { reopenRunOf } from '../reopenRunOf.js';
import { saveResult } from '../runResult.js';
import type { RunSettings } from '../runSettings.js';
import { runsFolder } from '../runsFolder.js';
import { savedForm } from '../savedRun.js';
import { settingWords } from '../settings/settingWords.js';
import { startRun } from '../startRun.js';
import { loadImages } from './loadImages.js';
import { showTraining, type StepLine } from './showTraining.js';

const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** How a run ended, and the checkpoint it left. */
interface Outcome {
  end: EndEvent;
  checkpoint?: string;
}

/** Trains with progress on stderr. */
async function withProgress(events: AsyncIterable<TrainingEvent>, stepLine: StepLine): Promise<Outcome> {
  const view = showTraining(process.stderr, stepLine);
  let end: EndEvent | undefined;
  let checkpoint: string | undefined;
  try {
    for await (const event of events) {
      view.onEvent(event);
      if (event.type === 'end') end = event;
      if (event.type === 'checkpoint') checkpoint = event.path;
    }
  } finally {
    view.close();
  }
  if (!end) throw new Error('A run must end with an event that says so.');
  return { end, checkpoint };
}

/** Trains for the terminal; returns how that ended. */
async function train(experiment: AnyExperiment, settings: RunSettings, signal: AbortSignal): Promise<Outcome> {
  const { ckpt_path, resume_training } = settings;
  // Opened before its checkpoint is read, so that no other process takes the run further in between.
  const log = resume_training && ckpt_path !== null ? await reopenRunOf(ckpt_path) : undefined;
  try {
    return await trainLogged(experiment, settings, signal, log);
  } finally {
    await log?.close();
  }
}

/** Trains with a run's log, or with one of its own. */
async function trainLogged(
  experiment: AnyExperiment,
  settings: RunSettings,
  signal: AbortSignal,
  reopened?: Run,
): Promise<Outcome> {
  const { backend, threads, ckpt_path, checkpoints } = settings;
  const checkpoint = ckpt_path === null ? undefined : await loadCheckpoint(ckpt_path);
  const computing = await useBackend({ backend, threads: threads ?? undefined });
  const data = await loadImages(settings);
  const { run, startStep } = await startRun({ experiment, settings }, data, checkpoint);
  const saved = savedForm({ experiment, settings, topology: run.topology });
  const origin = await provenance({ data, backend: computing });
  const log = reopened ?? (await createRun(runsFolder(), experiment.name, { settings: saved, provenance: origin }));
  print(`data: ${describeData(data)}`);
  print(`backend: ${computing.description}`);
  print(`settings: ${settingWords(experiment.schema, settings).join(' ')}`);
  print(`run: ${shownPath(log.dir)}`);
  if (run.opening !== undefined) print(`\n${run.opening}`);

  const saving = checkpointed(run.events(signal, startStep), {
    ...run,
    dir: log.checkpoints,
    everyEpochs: checkpoints.every_epochs,
    everySteps: checkpoints.every_steps ?? undefined,
    keep: checkpoints.keep,
    bestFrom: checkpoints.best_from ?? undefined,
    settings: saved,
    provenance: origin,
  });
  const { end, checkpoint: last = ckpt_path ?? undefined } = await withProgress(
    logged(saving, log, { gates: () => run.channelMasks() }),
    (event) => experiment.stepLine?.(event, run),
  );
  print(`${end.message} in ${duration(end.seconds)}`);
  if (last !== undefined) print(`saved: ${shownPath(last)}`);
  if (end.reason === 'finished') {
    const result = await asEvaluated(run, () => experiment.result(run, signal));
    process.stdout.write(fieldList(result));
    await saveResult(log.dir, result);
  } else if (end.reason === 'aborted' && last !== undefined) {
    print(`go on with: sparsebook train ${experiment.name} ckpt_path=${shownPath(last)} resume_training=true`);
  }
  run.dispose();
  return { end, checkpoint: last };
}

/** Trains one run after another, each from the last checkpoint of the one before, until one does not finish. */
async function trainStages(
  experiment: AnyExperiment,
  stages: readonly RunSettings[],
  signal: AbortSignal,
): Promise<EndEvent['reason']> {
  let outcome: Outcome | undefined;
  for (const settings of stages) {
    const ckpt_path = outcome?.checkpoint ?? settings.ckpt_path;
    outcome = await train(experiment, { ...settings, ckpt_path }, signal);
    if (outcome.end.reason !== 'finished') return outcome.end.reason;
  }
  return 'finished';
}

/**
 * Trains for the terminal: what is trained and what came out on stdout, progress on stderr; log and checkpoints in
 * data/runs. The first Ctrl-C (or SIGTERM) stops between two steps and saves, a second one ends all at once. Sets the exit code: 1
 * where the loss diverged, 128 and the signal's number where one stopped it.
 */
export async function trainOnTerminal(experiment: AnyExperiment, stages: readonly RunSettings[]): Promise<void> {
  const stop = stopSignals();
  stop.again.addEventListener('abort', () => process.exit(stop.exitCode()));
  try {
    const reason = await trainStages(experiment, stages, stop.interrupt);
    if (reason === 'diverged') process.exitCode = 1;
    if (reason === 'aborted') process.exitCode = stop.exitCode();
  } catch (error) {
    if (error !== stop.interrupt.reason) throw error;
    print('stopped before the result was measured');
    process.exitCode = stop.exitCode();
  } finally {
    stop.release();
  }
}
