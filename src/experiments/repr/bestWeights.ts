import * as tf from '@tensorflow/tfjs';

/** The epoch of a run that did best on the validation images, with the weights it ended with. */
export class BestWeights {
  /** Counted from 0; undefined before the first. */
  epoch?: number;
  /** Its validation accuracy, 0 to 1. */
  validation = -Infinity;
  private weights: Float32Array[] = [];

  constructor(private readonly model: tf.LayersModel) {}

  /** Takes an epoch's weights, as the network has them now, if it did better than those before. */
  offer(epoch: number, validation: number): void {
    if (!(validation > this.validation)) return;
    [this.epoch, this.validation] = [epoch, validation];
    this.weights = this.model.getWeights().map((weight) => weight.dataSync<'float32'>().slice());
  }

  /** Lets the network have that epoch's weights while `work` goes on, and its own again when that is over. */
  async use<T>(work: () => Promise<T>): Promise<T> {
    const now = this.model.getWeights().map((weight) => weight.dataSync<'float32'>().slice());
    this.set(this.weights);
    try {
      return await work();
    } finally {
      this.set(now);
    }
  }

  private set(values: readonly Float32Array[]): void {
    tf.tidy(() => {
      this.model.setWeights(this.model.getWeights().map(({ shape }, i) => tf.tensor(values[i], shape)));
    });
  }
}
