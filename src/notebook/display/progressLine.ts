import type { EndEvent, StartEvent, StepEvent } from '../../training/index.js';
import type { TrainingLog } from '../../plots/index.js';

const width = 24;

/** The state of a run in a line: a bar, where it is, what it costs, how fast it goes, how much time is left. */
export function progressLine(events: TrainingLog, seconds: number): string {
  const last = events.findLast((event): event is StepEvent => event.type === 'step');
  const start = events.findLast((event): event is StartEvent => event.type === 'start');
  const end = events.findLast((event): event is EndEvent => event.type === 'end');
  if (!last) return end ? end.message : 'training begins';
  const { step, epoch, loss, accuracy, imagesPerSecond } = last;
  const costs = [`loss ${loss.toFixed(3)}`, `accuracy ${(100 * accuracy).toFixed(1)} %`];
  const speed = `${Math.round(imagesPerSecond).toLocaleString('en-US')} images/s`;
  const time = `${clock(seconds)} so far`;
  if (!start) return [`step ${step}`, `epoch ${epoch + 1}`, ...costs, speed, time].join(', ');
  const steps = start.epochs * start.stepsPerEpoch;
  const full = Math.min(width, Math.round((width * step) / steps));
  const bar = `[${'█'.repeat(full)}${'░'.repeat(width - full)}]`;
  // Steps made before a resumed run took no time of ours.
  const made = step - start.startStep;
  const left = made > 0 ? `${clock(((steps - step) * seconds) / made)} left` : 'going on';
  const state = end ? `${end.reason} after ${clock(end.seconds)}` : left;
  return [`${bar} step ${step} of ${steps}`, `epoch ${epoch + 1} of ${start.epochs}`, ...costs, speed, state].join(
    ', ',
  );
}

/** Seconds as m:ss, or h:mm:ss from an hour on. */
function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const two = (n: number): string => String(n).padStart(2, '0');
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
