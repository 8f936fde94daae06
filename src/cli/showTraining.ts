import { duration } from '../formats/text.js';
import { bar, StatusLine, type TextStream } from './statusLine.js';
import type { EpochEvent, StartEvent, StepEvent, TrainingEvent } from '../training/events.js';

/** How often a run says where it is when its output is no terminal. */
const SECONDS_BETWEEN_LINES = 30;

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** The loss and, where there is a penalty, its terms. */
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
  /** A line of its own, above the one that changes. */
  print(text: string): void;
  /** Leaves the terminal clean; to be called however the run ended. */
  close(): void;
}

/**
 * Shows training: on a terminal a line with a bar that changes, elsewhere a plain line now and then; both have a line
 * for each epoch and each warning.
 */
export function showTraining(stream: TextStream): TrainingView {
  const line = stream.isTTY ? new StatusLine(stream) : undefined;
  const print = (text: string): void => (line ? line.print(text) : void stream.write(`${text}\n`));
  let start: StartEvent | undefined;
  let rate = 0;
  let began = performance.now();
  let shownAt = began;

  const stepText = (event: StepEvent, { epochs, stepsPerEpoch, startStep }: StartEvent): string => {
    const steps = epochs * stepsPerEpoch;
    // Steps made before a resumed run took no time of ours.
    const left = ((performance.now() - began) / 1000 / (event.step - startStep)) * (steps - event.step);
    const place = line
      ? `${bar(event.step / steps)} epoch ${event.epoch + 1} of ${epochs}`
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
