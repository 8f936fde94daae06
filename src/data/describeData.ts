import type { DataSplits } from './loadData.js';

/** One line that says which data this is; results are printed with it. */
export function describeData({ name, train, validation, test, splitHash }: DataSplits): string {
  const [a, b, c] = [train, validation, test].map((set) => set.labels.length.toLocaleString('en'));
  return `${name}: ${a} training, ${b} validation and ${c} test pictures (split ${splitHash})`;
}
