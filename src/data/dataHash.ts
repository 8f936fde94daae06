import { createHash } from 'node:crypto';
import type { DataSplits } from './loadData.js';

/** 16 hexadecimal digits that change with any pixel or label of the three sets, or their order: for provenance. */
export function dataHash({ train, validation, test }: DataSplits): string {
  const hash = createHash('sha256');
  for (const { images, labels } of [train, validation, test]) hash.update(images).update(labels).update('|');
  return hash.digest('hex').slice(0, 16);
}
