import type { FreezePruneEpoch, FreezePruneRecord } from './freezePruneSweep.js';

/** A share after each epoch, counted from 1: what `curvesOverEpochs` draws. */
export interface EpochMeans {
  name: string;
  epochs: number[];
  shares: number[];
}

/** The means, epoch by epoch, of runs that differ in nothing but their seed. */
export function epochMeans(
  name: string,
  records: readonly FreezePruneRecord[],
  of: Exclude<keyof FreezePruneEpoch, 'epoch'>,
): EpochMeans {
  const epochs = (records.at(0)?.epochs ?? []).map(({ epoch }) => epoch);
  const shares = epochs.map((_, i) => records.reduce((sum, run) => sum + run.epochs[i][of], 0) / records.length);
  return { name, epochs, shares };
}
