import { useBackend } from '../../backend/useBackend.js';
import { describeData } from '../../data/describeData.js';
import { duration } from '../../terminal/duration.js';
import { fieldList } from '../../terminal/fieldList.js';
import { shownPath } from '../../terminal/shownPath.js';
import { stopSignals } from '../../terminal/stopSignals.js';
import { checkpointed, loadCheckpoint } from '../../training/checkpoint/index.js';
import type { EndEvent, TrainingEvent } from '../../training/events.js';
import { logged, provenance } from '../../training/log/index.js';
import { openRunLog } from '../openRunLog.js';
import { saveResult } from '../runResult.js';
import { savedForm, type SavedRun } from '../savedRun.js';
import { settingWords } from '../settings/settingWords.js';
import { startRun } from '../startRun.js';
import { loadImages } from './loadImages.js';
import { showTraining } from './showTraining.js';

const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** How a run ended, and the checkpoint it left. */
interface Outcome {
  end: EndEvent;
  checkpoint?: string;
}

/** Trains with progress on stderr. */
async function withProgress(events: AsyncIterable<TrainingEvent>): Promise<Outcome> {
  const view = showTraining(process.stderr);
  let end: EndEvent | undefined;
  let checkpoint: string | undefined;
  try {
    for await (const event of events) {
      view.onEvent(event);
      if (event.type === 'end') end = event;
      if (event.type === 'checkpoint') checkpoint = shownPath(event.path);
    }
  } finally {
    view.close();
  }
  if (!end) throw new Error('A run must end with an event that says so.');
  return { end, checkpoint };
}

/** Trains for the terminal; returns how that ended. */
async function train(saved: SavedRun, signal: AbortSignal): Promise<EndEvent['reason']> {
  const { experiment, settings } = saved;
  const { backend, threads, ckpt_path, checkpoints } = settings;
  const checkpoint = ckpt_path === null ? undefined : await loadCheckpoint(ckpt_path);
  const computing = await useBackend({ backend, threads: threads ?? undefined });
  const data = await loadImages(settings);
  const { run, startStep } = await startRun(saved, data, checkpoint);
  const origin = await provenance({ data, backend: computing });
  const log = await openRunLog(saved, origin, checkpoint);
  print(`data: ${describeData(data)}`);
  print(`backend: ${computing.description}`);
  print(`settings: ${settingWords(experiment.schema, settings).join(' ')}`);
  print(`run: ${shownPath(log.dir)}`);

  const saving = checkpointed(run.events(signal, startStep), {
    ...run,
    dir: log.checkpoints,
    everyEpochs: checkpoints.every_epochs,
    everySteps: checkpoints.every_steps ?? undefined,
    keep: checkpoints.keep,
    bestFrom: checkpoints.best_from ?? undefined,
    settings: savedForm(saved),
    provenance: origin,
  });
  const { end, checkpoint: last = ckpt_path } = await withProgress(
    logged(saving, log, { gates: () => run.channelMasks() }),
  );
  print(`${end.message} in ${duration(end.seconds)}`);
  if (last !== null) print(`saved: ${last}`);
  if (end.reason === 'finished') {
    const result = await experiment.result(run, signal);
    await saveResult(log.dir, result);
    process.stdout.write(fieldList(result));
  } else if (end.reason === 'aborted' && last !== null) {
    print(`go on with: sparsebook train ${experiment.name} ckpt_path=${last} resume_training=true`);
  }
  run.dispose();
  return end.reason;
}

/**
 * Trains for the terminal: what is trained and what came out on stdout, progress on stderr; log and checkpoints in
 * data/runs. The first Ctrl-C stops between two steps and saves, a second one ends all at once. Sets the exit code: 1
 * where the loss diverged, 128 and the signal's number where one stopped it.
 */
export async function trainOnTerminal(saved: SavedRun): Promise<void> {
  const stop = stopSignals();
  // A second signal finds the interrupt already there.
  stop.kill.addEventListener('abort', () => stop.interrupt.aborted && process.exit(stop.exitCode()));
  try {
    const reason = await train(saved, stop.interrupt);
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
