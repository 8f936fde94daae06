import * as tf from '@tensorflow/tfjs';

/** Counts the tensors that training steps leave behind, and names the steps. */
export class LeakWatch {
  private variables = 0;
  private excused = false;
  private before = 0;
  private left = 0;
  private told = 0;

  /** To be called before each step, with the number of variables it trains: optimizers make their memory for new ones. */
  begin(variables: number): void {
    this.excused = variables !== this.variables;
    this.variables = variables;
    this.before = tf.memory().numTensors;
  }

  /**
   * To be called after each step. Says what it left behind, if anything; after the first time only when the sum has doubled,
   * so that a leak in each of a million steps is told of some twenty times.
   */
  end(step: number): string | undefined {
    const after = tf.memory().numTensors;
    const grown = after - this.before;
    if (this.excused || grown <= 0) return undefined;
    this.left += grown;
    if (this.left < 2 * this.told) return undefined;
    this.told = this.left;
    return (
      `Step ${step} left ${grown} tensors behind (${this.before} before it, ${after} after), ${this.left} so far in this ` +
      'run: memory will run out. Dispose what a penalty, a gradient hook or an optimizer makes, or wrap it in tf.tidy.'
    );
  }
}
