import { useBackend } from '../backend/useBackend.js';
import { describeData } from '../data/dataSplits.js';
import { gammaLine } from '../experiments/results/runHistory.js';
import type { GammaNote } from '../experiments/run/notes.js';
import type { Protocol } from '../experiments/protocols/protocol.js';
import { readSaved } from '../experiments/run/saved.js';
import type { RunEvent } from '../experiments/run/acquireRun.js';
import { Run } from '../experiments/run/run.js';
import type { RunSettings } from '../experiments/runSettings.js';
import { settingWords, type Given } from '../experiments/settings/settle.js';
import { headingOf, shownAs, type ResultRow } from '../experiments/results/tables.js';
import { numbersOf, type Measured, type RunRecord } from '../experiments/run/record.js';
import { UserError } from '../errors.js';
import { duration, fieldList } from '../formats/text.js';
import { percent } from '../plots/theme.js';
import { findCheckpoint } from '../training/checkpoint/listCheckpoints.js';
import { loadCheckpoint } from '../training/checkpoint/loadCheckpoint.js';
import {
  type EndEvent,
  type NoteEvent,
  type EpochEvent,
  type StartEvent,
  type StepEvent,
  type TrainingEvent,
  stepsOf,
} from '../training/events.js';
import { shownPath, bar, StatusLine, type TextStream } from './output.js';
import { stopSignals } from './stopSignals.js';

const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** The part of a measured network that is printed: its whole record, or what is known without one. */
type Reported = Measured & Pick<RunRecord, 'run' | 'steps'> & Partial<Pick<RunRecord, 'name' | 'last' | 'epochs'>>;

/** A record as a row of a table. */
export function recordFields(record: Reported): ResultRow {
  const names = [
    'validation.accuracy',
    'test.accuracy',
    ...(record.test_tta ? ['test_tta.accuracy'] : []),
    ...(record.last ? ['last.test'] : []),
    'sparsity.complete',
    ...(record.sparsity.published === null ? [] : ['sparsity.published']),
    ...(record.sparsity.zeros === 0 ? [] : ['sparsity.zeros']),
    'parameters.left',
    'multiply_adds.left',
    ...['lambda', 'groupLasso', 'fakeSparsity', 'frozen'].filter((n) => n in record.method).map((n) => `method.${n}`),
    ...(record.epochs === undefined ? [] : ['epochs']),
    'steps',
  ];
  const numbers = numbersOf(record);
  const { all, closed } = record.channels;
  return {
    run: record.name ?? record.run,
    ...(all > 0 && { 'closed channels': `${closed} of ${all}` }),
    ...Object.fromEntries(names.map((name) => [headingOf(name), shownAs(name, numbers[name])])),
  };
}

/** The line for a note on the terminal, if it has one. */
function noteLine(note: NoteEvent): string | undefined {
  if (note.kind === 'opening') return `\n${(note.values as { text: string }).text}`;
  return note.kind === 'gammas' ? gammaLine(note as NoteEvent & { values: GammaNote }) : undefined;
}

/** Shows a run's events to the end: the run and its results on stdout, progress on stderr. Returns its end event. */
async function show(run: Run, protocol: Protocol, events: AsyncIterable<RunEvent>): Promise<EndEvent | undefined> {
  const view = showTraining(process.stderr);
  let end: EndEvent | undefined;
  let loaded = false;
  try {
    for await (const event of events) {
      if (event.type === 'loaded' || event.type === 'followed') {
        print(`run: ${shownPath(event.dir)}`);
        print(event.message);
        loaded ||= event.type === 'loaded';
      } else if (event.type === 'end') end = event;
      else if (event.type === 'note' && !loaded) {
        const line = noteLine(event);
        if (line !== undefined) view.print(line);
      } else if (!loaded) {
        if (event.type === 'start') print(`run: ${shownPath(run.dir!)}`);
        view.onEvent(event);
      }
    }
  } finally {
    view.close();
  }
  // A finished run whose log was cut off still has its record.
  if (!end && !run.isFinished) return undefined;
  // A message about a failure is a sentence, which takes no duration.
  if (end && !loaded) print(end.message.endsWith('.') ? end.message : `${end.message} in ${duration(end.seconds)}`);
  const last = await findCheckpoint(`${run.dir}/checkpoints/last`).catch(() => undefined);
  if (last !== undefined) print(`saved: ${shownPath(last)}`);
  if (run.isFinished) process.stdout.write(fieldList(recordFields(run.record)));
  else if (end?.reason === 'aborted' && last !== undefined) {
    const name = protocol.name === 'experiment' ? '' : ` ${protocol.name}`;
    print(`go on with: sparsebook train${name} ckpt_path=${shownPath(last)} resume_training=true`);
  }
  return end;
}

/** Prints the data, backend and settings of a run. */
async function describe(run: Run, protocol: Protocol, settings: RunSettings): Promise<void> {
  const { description } = await useBackend({ backend: settings.backend, threads: settings.threads ?? undefined });
  print(`data: ${describeData(await run.data())}`);
  print(`backend: ${description}`);
  print(`settings: ${settingWords(protocol.schema, settings).join(' ')}`);
}

/**
 * Runs the work of a training command: the first Ctrl-C (or SIGTERM) stops it between two steps and saves, a second one
 * ends the process at once. Sets the exit code: 1 if the loss diverged, 128 plus the signal's number if a signal
 * stopped it.
 */
async function untilEnded(work: (signal: AbortSignal) => Promise<EndEvent | undefined>): Promise<void> {
  const stop = stopSignals();
  stop.again.addEventListener('abort', () => process.exit(stop.exitCode()));
  try {
    const end = await work(stop.interrupt);
    if (end?.reason === 'diverged') process.exitCode = 1;
    if (stop.interrupt.aborted && end?.reason !== 'finished') process.exitCode = stop.exitCode();
  } catch (error) {
    if (error !== stop.interrupt.reason) throw error;
    print('stopped before the result was measured; the same command measures it');
    process.exitCode = stop.exitCode();
  } finally {
    stop.release();
  }
}

/** Trains runs one after another for the terminal, each from the one before, until one does not finish. */
export async function trainOnTerminal(protocol: Protocol, stages: readonly object[]): Promise<void> {
  await untilEnded(async (signal) => {
    let before: Run | undefined;
    let end: EndEvent | undefined;
    for (const settings of stages) {
      const run: Run = new Run({ protocol, settings, start: before });
      await describe(run, protocol, settings as RunSettings);
      end = await show(run, protocol, run.events(signal));
      before?.dispose();
      before = run;
      if (!run.isFinished) break;
    }
    before?.dispose();
    return end;
  });
}

/** Continues the run of a checkpoint for the terminal. */
export async function resumeOnTerminal(protocol: Protocol, path: string, given: readonly Given[]): Promise<void> {
  const { settings: saved, path: folder } = await loadCheckpoint(path);
  const { name } = readSaved(saved, folder).protocol;
  if (name !== protocol.name) {
    throw new UserError(
      `ckpt_path must be a checkpoint of the experiment ${protocol.name}; ${folder} is one of ${name}.`,
    );
  }
  await untilEnded(async (signal) => {
    const run = await Run.resume(path, given);
    await describe(run, protocol, run.own as RunSettings);
    const end = await show(run, protocol, run.events(signal));
    run.dispose();
    return end;
  });
}

/** How often a run prints its progress if its output is no terminal. */
const SECONDS_BETWEEN_LINES = 30;

/** The loss and, if there is a penalty, its terms. */
function lossText({ loss, crossEntropy, penalty }: { loss: number; crossEntropy: number; penalty: number }): string {
  const terms = penalty === 0 ? '' : ` (cross-entropy ${crossEntropy.toFixed(3)} + penalty ${penalty.toFixed(3)})`;
  return `loss ${loss.toFixed(3)}${terms}`;
}

function epochText({ epoch, train, validation, sparsity = {}, seconds }: EpochEvent, epochs: number): string {
  const parts = [lossText(train), `accuracy ${percent(train.accuracy)}`];
  if (validation) parts.push(`validation ${percent(validation.accuracy)}`);
  if ('closed' in sparsity && 'channels' in sparsity) parts.push(`${sparsity.closed} of ${sparsity.channels} closed`);
  return `epoch ${epoch + 1} of ${epochs}: ${parts.join(', ')} in ${duration(seconds)}`;
}

/** Reads a run's events and shows them on a stream. */
export interface TrainingView {
  onEvent(event: TrainingEvent): void;
  /** Prints a line that stays, above the one that changes. */
  print(text: string): void;
  /** Clears the line; call it however the run ended. */
  close(): void;
}

/**
 * Shows training: on a terminal a changing line with a bar, elsewhere an occasional plain line; both with a line for
 * each epoch and each warning.
 */
export function showTraining(stream: TextStream): TrainingView {
  const line = stream.isTTY ? new StatusLine(stream) : undefined;
  const print = (text: string): void => (line ? line.print(text) : void stream.write(`${text}\n`));
  let start: StartEvent | undefined;
  let rate = 0;
  let began = performance.now();
  let shownAt = began;

  const stepText = (event: StepEvent, start: StartEvent): string => {
    const steps = stepsOf(start);
    // Steps made before the run was resumed took no time in this process.
    const left = ((performance.now() - began) / 1000 / (event.step - start.startStep)) * (steps - event.step);
    const place = line
      ? `${bar(event.step / steps)} epoch ${event.epoch + 1} of ${start.epochs}`
      : `step ${event.step} of ${steps}`;
    const speed = `${Math.round(rate).toLocaleString('en')} images/s`;
    const parts = [place, `${duration(left)} left`, lossText(event), `accuracy ${percent(event.accuracy)}`, speed];
    return parts.join(line ? ' · ' : ', ');
  };

  const onStep = (event: StepEvent): void => {
    rate = rate === 0 ? event.imagesPerSecond : 0.9 * rate + 0.1 * event.imagesPerSecond;
    const seconds = (performance.now() - shownAt) / 1000;
    if (!start || seconds < (line ? 0.1 : SECONDS_BETWEEN_LINES)) return;
    shownAt = performance.now();
    if (line) line.show(stepText(event, start));
    else print(stepText(event, start));
  };

  const onEvent = (event: TrainingEvent): void => {
    if (event.type === 'start') {
      start = event;
      began = performance.now();
    } else if (event.type === 'step') onStep(event);
    else if (event.type === 'epoch') print(epochText(event, start?.epochs ?? event.epoch + 1));
    else if (event.type === 'warning') print(`warning: ${event.message}`);
  };
  return { onEvent, print, close: () => line?.clear() };
}
