import { pickImages } from '../../data/imageSet.js';
import type { DataSplits } from '../../data/dataSplits.js';

/** The data with one half of its training images: the two halves have none in common. */
export function halfOf(data: DataSplits, half: 'all' | 'first' | 'second'): DataSplits {
  if (half === 'all') return data;
  const { train } = data;
  const middle = Math.ceil(train.labels.length / 2);
  const [start, end] = half === 'first' ? [0, middle] : [middle, train.labels.length];
  const indices = Uint32Array.from({ length: end - start }, (_, i) => start + i);
  return { ...data, train: pickImages(train, indices, `${train.name}, ${half} half`) };
}
