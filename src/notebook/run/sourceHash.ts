import { createHash } from 'node:crypto';
import { joined, type MultilineText } from './notebook.js';

/** SHA-256 of a cell's source: outputs saved with another hash are older than their source. */
export function sourceHash(source: MultilineText): string {
  return createHash('sha256').update(joined(source)).digest('hex');
}
