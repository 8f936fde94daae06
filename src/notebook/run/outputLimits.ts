import type { CellFailure } from '../kernel/cellFailure.js';
import { keptText } from './keptText.js';

/** How much of what a cell puts out is kept. Whatever is left out is replaced by a note that says so. */
export interface OutputLimits {
  /** Characters of a text. */
  text: number;
  /** Outputs of one cell. */
  outputs: number;
  /** Characters of one representation (HTML, a picture in base64, a figure's JSON) of an output. */
  representation: number;
}

const grouped = (count: number): string => count.toLocaleString('en-US');

function sizeOf(value: unknown): number {
  return typeof value === 'string' ? value.length : (JSON.stringify(value) ?? '').length;
}

/** A bundle within the limits: one that holds a representation that is too large becomes a text that says so. */
export function limitedBundle(data: Record<string, unknown>, limits: OutputLimits): Record<string, unknown> {
  if (limits === unlimited) return data;
  const { 'text/plain': text, ...others } = data;
  const large = Object.entries(others).flatMap(([mime, value]) => {
    const size = sizeOf(value);
    return size > limits.representation ? [`${mime} of ${grouped(size)} characters`] : [];
  });
  const kept = typeof text === 'string' ? keptText(text, limits.text) : undefined;
  if (large.length === 0) return kept === undefined ? data : { ...data, 'text/plain': kept };
  const note = `… ${large.join(' and ')} left out: at most ${grouped(limits.representation)} are kept …`;
  return { 'text/plain': kept === undefined ? note : `${note}\n${kept}` };
}

/** A failure whose message and traceback are within the limits. */
export function limitedFailure({ ename, evalue, traceback }: CellFailure, limits: OutputLimits): CellFailure {
  if (limits === unlimited || traceback.length === 0) return { ename, evalue, traceback };
  const lines = keptText(traceback.join('\n'), limits.text).split('\n');
  return { ename, evalue: keptText(evalue, limits.text), traceback: lines };
}

/** What stands in place of the outputs beyond the limit. */
export function furtherOutputs(count: number, limits: OutputLimits): string {
  return `… ${grouped(count)} further output${count === 1 ? ' is' : 's are'} left out: of one cell the first ${grouped(limits.outputs)} are kept …`;
}

/** No limit: everything is kept. */
export const unlimited: OutputLimits = { text: Infinity, outputs: Infinity, representation: Infinity };
