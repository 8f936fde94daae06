import { gatesPerLayer, trainingCurves, type GateSnapshot } from '../../plots/index.js';
import type { WarningEvent } from '../../training/index.js';
import { addEvent } from '../../training/log/addEvent.js';
import { display, inNotebook } from './display.js';
import { liveFigure } from './liveFigure.js';
import { progressLine } from './progressLine.js';

/** How training is watched. */
export interface WatchOptions {
  /** Title of the live plot. */
  title?: string;
  /** At least this many milliseconds lie between two updates; default 500. */
  interval?: number;
  /** The masks after each epoch, in a list that grows as the run is read: drawn as a second plot, layer by layer. */
  snapshots?: readonly GateSnapshot[];
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
  const { title, interval = 500, snapshots } = options;
  const seen: Event[] = [];
  const started = performance.now();
  const figure = () => trainingCurves(seen, { title });
  const line = (): string => progressLine(seen, loggedSeconds(seen) ?? (performance.now() - started) / 1000);
  const live = inNotebook();
  const progress = live ? display({ 'text/plain': line() }) : undefined;
  const plot = live ? liveFigure(figure(), { final: false, interval: 0 }) : undefined;
  const gates = live && snapshots ? liveGates(snapshots, title) : undefined;
  let updated = performance.now();
  let waiting: NodeJS.Timeout | undefined;
  const redraw = (): void => {
    waiting = undefined;
    updated = performance.now();
    progress?.update({ 'text/plain': line() });
    plot?.update(figure());
    gates?.update();
  };
  try {
    for await (const event of events) {
      addEvent(seen, event);
      if (event.type === 'warning') console.warn((event as unknown as WarningEvent).message);
      if (live) waiting ??= setTimeout(redraw, Math.max(0, interval - (performance.now() - updated)));
    }
  } finally {
    clearTimeout(waiting);
    if (live) progress?.update({ 'text/plain': line() });
    else console.log(line());
    plot?.update(figure(), { final: true });
    gates?.done();
  }
  return seen;
}

/** A heat map of open gates that is drawn anew when there is another snapshot. */
function liveGates(snapshots: readonly GateSnapshot[], title = 'Training'): { update(): void; done(): void } {
  const figure = () => gatesPerLayer(snapshots, { title: `${title}: open gates by layer and epoch` });
  const view = liveFigure(figure(), { final: false, interval: 0 });
  let drawn = snapshots.length;
  return {
    update() {
      if (snapshots.length > drawn) view.update(figure());
      drawn = snapshots.length;
    },
    done: () => view.update(figure(), { final: true }),
  };
}

/** How long a run went on by the times that its log gives its events, since it last started. */
function loggedSeconds(events: readonly { readonly type: string; readonly time?: number }[]): number | undefined {
  const from = events.findLast(({ type }) => type === 'start')?.time;
  const to = events.at(-1)?.time;
  return from === undefined || to === undefined ? undefined : (to - from) / 1000;
}
