import { useBackend } from '../../backend/useBackend.js';
import { describeData } from '../../data/describeData.js';
import { loadData, type DataSplits } from '../../data/loadData.js';
import { UserError } from '../../errors.js';
import { duration } from '../../terminal/duration.js';
import { fieldList } from '../../terminal/fieldList.js';
import { stopSignals } from '../../terminal/stopSignals.js';
import type { EndEvent } from '../../training/events.js';
import type { AnyExperiment, ExperimentRun } from '../experiment.js';
import type { RunSettings } from '../runSettings.js';
import { settingWords } from '../settings/settingWords.js';
import { showTraining } from './showTraining.js';

const print = (line: string): void => void process.stdout.write(`${line}\n`);

function loadImages({ data, sizes }: RunSettings): Promise<DataSplits> {
  const given = Object.entries(sizes).filter(([, size]) => size !== null);
  return loadData(data, { sizes: Object.fromEntries(given) });
}

/** Trains with progress on stderr; returns how the run ended. */
async function trainWithProgress(run: ExperimentRun, signal: AbortSignal): Promise<EndEvent> {
  const view = showTraining(process.stderr);
  let end: EndEvent | undefined;
  try {
    for await (const event of run.events(signal)) {
      view.onEvent(event);
      if (event.type === 'end') end = event;
    }
  } finally {
    view.close();
  }
  if (!end) throw new Error('A run must end with an event that says so.');
  return end;
}

/**
 * Trains for the terminal: what is trained and what came out on stdout, progress on stderr. The first Ctrl-C stops
 * between two steps, a second one at once. Sets the exit code: 1 where the loss diverged, 128 and the signal's number
 * where one stopped it.
 */
export async function trainOnTerminal(experiment: AnyExperiment, settings: RunSettings): Promise<void> {
  const stop = stopSignals();
  // A second signal finds the interrupt already there.
  stop.kill.addEventListener('abort', () => stop.interrupt.aborted && process.exit(stop.exitCode()));
  const { backend, threads, ckpt_path } = settings;
  if (ckpt_path !== null) throw new UserError('Checkpoints cannot be read yet: leave ckpt_path out.');
  try {
    const { description } = await useBackend({ backend, threads: threads ?? undefined });
    const data = await loadImages(settings);
    print(`data: ${describeData(data)}`);
    print(`backend: ${description}`);
    print(`settings: ${settingWords(experiment.schema, settings).join(' ')}`);
    const run = await experiment.run(data, settings);
    const end = await trainWithProgress(run, stop.interrupt);
    print(`${end.message} in ${duration(end.seconds)}`);
    if (end.reason === 'diverged') process.exitCode = 1;
    if (end.reason === 'aborted') process.exitCode = stop.exitCode();
    if (end.reason === 'finished') process.stdout.write(fieldList(await experiment.result(run, stop.interrupt)));
    run.dispose();
  } catch (error) {
    if (!stop.interrupt.aborted) throw error;
    print('stopped');
    process.exitCode = stop.exitCode();
  } finally {
    stop.release();
  }
}
