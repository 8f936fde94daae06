import type { EventFile as Real } from './eventFile.js';

/** No event file: TensorBoard reads a disk, and a page has none. */
export const EventFile = { begin: (): Promise<Real | undefined> => Promise.resolve(undefined) };
