import { ink } from './theme.js';

/** An epoch of RePr's cycle, counted from 1; standard training has no phases. */
export interface PhasedEpoch {
  epoch: number;
  phase: 'S1' | 'S2' | null;
}

/** Grey bands over whole panels where filters are off: from the end of the epoch before S2 to the end of its last one. */
export function phaseBands(epochs: readonly PhasedEpoch[], panels: readonly string[] = ['x']): object[] {
  const bands: { x0: number; x1: number }[] = [];
  for (const { epoch, phase } of epochs) {
    if (phase !== 'S2') continue;
    const last = bands.at(-1);
    if (last?.x1 === epoch - 1) last.x1 = epoch;
    else bands.push({ x0: epoch - 1, x1: epoch });
  }
  return panels.flatMap((xref) =>
    bands.map((band) => ({
      type: 'rect',
      ...band,
      xref,
      yref: `${xref.replace('x', 'y')} domain`,
      y0: 0,
      y1: 1,
      fillcolor: ink,
      opacity: 0.18,
      line: { width: 0 },
      layer: 'below',
    })),
  );
}
