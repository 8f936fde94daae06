import { Random } from 'sparsebook/backend/random.js';

/** Rows of features, each with a label. */
export interface Samples {
  rows: Float32Array[];
  labels: ArrayLike<number>;
}

/** Each feature, shifted and scaled by the mean and standard deviation of the training rows. */
export function standardised(train: Float32Array[], test: Float32Array[]): [Float32Array[], Float32Array[]] {
  const size = train[0].length;
  const mean = new Float64Array(size);
  const square = new Float64Array(size);
  for (const row of train) row.forEach((value, j) => ((mean[j] += value), (square[j] += value * value)));
  const scale = square.map((sum, j) => 1 / Math.sqrt(sum / train.length - (mean[j] / train.length) ** 2 + 1e-9));
  const shift = (row: Float32Array): Float32Array => row.map((value, j) => (value - mean[j] / train.length) * scale[j]);
  return [train.map(shift), test.map(shift)];
}

function accuracy(weights: Float32Array[], { rows, labels }: Samples): number {
  let right = 0;
  rows.forEach((row, i) => {
    const scores = weights.map((weight) => dot(weight, row));
    if (scores.indexOf(Math.max(...scores)) === labels[i]) right++;
  });
  return right / rows.length;
}

function dot(weight: Float32Array, row: Float32Array): number {
  let sum = weight[row.length];
  for (let j = 0; j < row.length; j++) sum += weight[j] * row[j];
  return sum;
}

/**
 * Trains a linear classifier by stochastic gradient descent on the cross-entropy; returns its accuracy on the training
 * rows after each epoch and its best accuracy on the test rows, which favours the linear model.
 */
export function softmaxRegression(
  train: Samples,
  test: Samples,
  { classes, epochs, rate }: { classes: number; epochs: number; rate: number },
): { training: number[]; bestTest: number } {
  const size = train.rows[0].length;
  const weights = Array.from({ length: classes }, () => new Float32Array(size + 1));
  const training: number[] = [];
  let bestTest = 0;
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (const i of new Random(epoch).permutation(train.rows.length)) {
      const row = train.rows[i];
      const scores = weights.map((weight) => dot(weight, row));
      const top = Math.max(...scores);
      const powers = scores.map((score) => Math.exp(score - top));
      const total = powers.reduce((sum, power) => sum + power, 0);
      weights.forEach((weight, k) => {
        const step = rate * ((k === train.labels[i] ? 1 : 0) - powers[k] / total);
        for (let j = 0; j < size; j++) weight[j] += step * row[j];
        weight[size] += step;
      });
    }
    training.push(accuracy(weights, train));
    bestTest = Math.max(bestTest, accuracy(weights, test));
  }
  return { training, bestTest };
}
