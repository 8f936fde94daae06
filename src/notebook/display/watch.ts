import { trainingCurves } from '../../plots/index.js';
import type { WarningEvent } from '../../training/index.js';
import { display, inNotebook } from './display.js';
import { liveFigure } from './liveFigure.js';
import { progressLine } from './progressLine.js';

/** How training is watched. */
export interface WatchOptions {
  /** Title of the live plot. */
  title?: string;
  /** At least this many milliseconds lie between two updates; default 500. */
  interval?: number;
}

/**
 * Consumes the events of a training run, shows a line of progress and a live plot below the cell while it runs, prints its
 * warnings, and returns all events. Outside of a notebook it only prints warnings and the last line of progress.
 *
 * If the run fails or is interrupted, what was seen so far stays on display and the error is passed on.
 */
export async function watch<Event extends { readonly type: string }>(
  events: AsyncIterable<Event>,
  options: WatchOptions = {},
): Promise<Event[]> {
  const { title, interval = 500 } = options;
  const seen: Event[] = [];
  const started = performance.now();
  const figure = () => trainingCurves(seen, { title });
  const line = (): string => progressLine(seen, (performance.now() - started) / 1000);
  const live = inNotebook();
  const progress = live ? display({ 'text/plain': line() }) : undefined;
  const plot = live ? liveFigure(figure(), { final: false, interval: 0 }) : undefined;
  let updated = performance.now();
  try {
    for await (const event of events) {
      seen.push(event);
      if (event.type === 'warning') console.warn((event as unknown as WarningEvent).message);
      if (!live || performance.now() - updated < interval) continue;
      progress?.update({ 'text/plain': line() });
      plot?.update(figure());
      updated = performance.now();
    }
  } finally {
    if (live) progress?.update({ 'text/plain': line() });
    else console.log(line());
    plot?.update(figure(), { final: true });
  }
  return seen;
}
