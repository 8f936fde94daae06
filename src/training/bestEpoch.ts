import type { EpochEvent } from './events.js';

/**
 * The epoch of a log that did best on the validation images, the first of several: what a checkpoint is picked by. `from`
 * leaves out earlier epochs, counted from 0. Undefined where none was validated.
 */
export function bestEpoch(
  log: readonly { readonly type: string }[],
  { from = 0 }: { from?: number } = {},
): EpochEvent | undefined {
  let best: EpochEvent | undefined;
  for (const event of log) {
    if (!isEpoch(event) || event.epoch < from || !event.validation) continue;
    if (!best?.validation || event.validation.accuracy > best.validation.accuracy) best = event;
  }
  return best;
}

function isEpoch(event: { readonly type: string }): event is EpochEvent {
  return event.type === 'epoch';
}
