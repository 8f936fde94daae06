export interface ReprLengths {
  /** Epochs in which all filters train, before each pruning. */
  S1: number;
  /** Epochs in which only the filters left train, after each pruning. */
  S2: number;
}

/** What RePr does with an epoch. */
export interface ReprEpoch {
  phase: 'S1' | 'S2';
  /** Whether filters are pruned before it. */
  prunes: boolean;
  /** Whether the pruned filters come back before it. */
  reinitialises: boolean;
}

/** RePr's cycle, epochs counted from 0: S1 epochs whole, S2 epochs pruned, and so on. */
export function reprEpoch(epoch: number, { S1, S2 }: ReprLengths): ReprEpoch {
  const place = epoch % (S1 + S2);
  return {
    phase: place < S1 ? 'S1' : 'S2',
    prunes: place === S1,
    reinitialises: place === 0 && epoch > 0,
  };
}
