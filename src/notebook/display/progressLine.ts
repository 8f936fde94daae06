import { type StepRecord, type TrainingLog } from '../../plots/index.js';

/** A step that may know how many there will be, and how fast they go. */
type Step = StepRecord & { steps?: number; imagesPerSecond?: number };

const width = 24;

/** The state of a run in a line: a bar, where it is, what it costs, how fast it goes, how much time is left. */
export function progressLine(events: TrainingLog, seconds: number): string {
  const last = events.findLast((event): event is Step => event.type === 'step');
  if (!last) return 'training begins';
  const { step, steps, epoch, loss, accuracy, imagesPerSecond } = last;
  const parts = [`epoch ${epoch}`, `loss ${loss.toFixed(3)}`, `accuracy ${(100 * accuracy).toFixed(1)} %`];
  if (imagesPerSecond !== undefined) parts.push(`${Math.round(imagesPerSecond).toLocaleString('en-US')} images/s`);
  if (steps === undefined) return [`step ${step}`, ...parts, `${clock(seconds)} so far`].join(', ');
  const full = Math.round((width * step) / steps);
  const bar = `[${'█'.repeat(full)}${'░'.repeat(width - full)}]`;
  // Steps before the first event we saw (a resumed run) took no time of ours.
  const first = events.find((event): event is Step => event.type === 'step')?.step ?? step;
  const left = ((steps - step) * seconds) / (step - first + 1);
  parts.push(step < steps ? `${clock(left)} left` : `took ${clock(seconds)}`);
  return `${bar} step ${step} of ${steps}, ${parts.join(', ')}`;
}

/** Seconds as m:ss, or h:mm:ss from an hour on. */
function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const two = (n: number): string => String(n).padStart(2, '0');
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
