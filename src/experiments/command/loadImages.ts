import { loadData } from '../../data/loadData.js';
import type { DataSplits } from '../../data/dataSplits.js';
import type { RunSettings } from '../runSettings.js';

/** The images that settings ask for; all of them where no sizes are given. */
export function loadImages({
  data,
  sizes = {},
}: {
  data: string;
  sizes?: Partial<RunSettings['sizes']>;
}): Promise<DataSplits> {
  const given = Object.entries(sizes).filter(([, size]) => size !== null);
  return loadData(data, { sizes: Object.fromEntries(given) });
}
