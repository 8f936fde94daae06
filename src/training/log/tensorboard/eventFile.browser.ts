import type { EventFile as Real } from './eventFile.js';

/** No event file: TensorBoard reads from a disk, which a page does not have. */
export const EventFile = { begin: (): Promise<Real | undefined> => Promise.resolve(undefined) };
