import * as tf from '@tensorflow/tfjs';
import { leafLayers, weightNames } from '../graph/names.js';
import { type LayerNode, networkGraph } from '../graph/networkGraph.js';
import { unchanged } from './statistics.js';

/** What one of some tensors is, in words. */
type Named = readonly [what: string, values: tf.Tensor];

/**
 * The first of some tensors with a value that is not finite, in words; undefined if all is well. `make` may run
 * networks.
 */
async function firstOf(make: () => Named[]): Promise<string | undefined> {
  let names: string[] = [];
  const finite = tf.tidy(() => {
    const named = make();
    names = named.map(([what]) => what);
    return tf.concat([tf.tensor1d([], 'bool'), ...named.map(([, values]) => tf.isFinite(values).all().reshape([1]))]);
  });
  const bad = (await finite.data()).indexOf(0);
  finite.dispose();
  return names[bad];
}

/** The first weight, from the input on, with a value that is not finite, in words; undefined if all is well. */
export async function firstNonFiniteWeight(model: tf.LayersModel): Promise<string | undefined> {
  const names = weightNames(model);
  const weights = leafLayers(model).flatMap(({ weights }) => weights);
  return firstOf(() => weights.map((weight) => [`the weight ${names.get(weight)}`, weight.read()]));
}

/**
 * The first layer, from the input on, that has a weight or gives an output which is not finite, in words; undefined if
 * all is well. Runs the network once on its inputs, such as x [N, H, W, C], as in training, and leaves running
 * statistics and the gates' count of draws as they are.
 */
export async function firstNonFinite(model: tf.LayersModel, x: tf.Tensor | tf.Tensor[]): Promise<string | undefined> {
  const names = weightNames(model);
  const graph = networkGraph(model);
  const given = [x].flat();
  return unchanged(model, () =>
    firstOf(() => {
      const outputs = new Map<LayerNode, tf.Tensor[]>();
      const seen = given.map((values): Named => ['the input images', values]);
      graph.inputs.forEach((node, i) => outputs.set(node, [given[i]]));
      for (const node of graph.nodes) {
        const { layer, name, inputs } = node;
        if (outputs.has(node)) continue;
        // Copies, since a pass moves running statistics.
        for (const weight of layer.weights) seen.push([`the weight ${names.get(weight)}`, weight.read().clone()]);
        const read = inputs.map((input, i) => outputs.get(input)![node.reads[i]]);
        const output = [
          layer.apply(read.length === 1 ? read[0] : read, { training: true }) as tf.Tensor | tf.Tensor[],
        ].flat();
        for (const values of output) seen.push([`the output of the layer ${name}`, values]);
        outputs.set(node, output);
      }
      return seen;
    }),
  );
}

/** Counts the tensors that training steps leave behind, and names the steps. */
export class LeakWatch {
  private model?: tf.LayersModel;
  private variables = 0;
  private excused = false;
  private before = 0;
  private left = 0;
  private told = 0;

  /** To be called before each step, with the network it trains: optimizers make their memory for new variables. */
  begin(model: tf.LayersModel): void {
    const variables = model.trainableWeights.length;
    this.excused = model !== this.model || variables !== this.variables;
    this.model = model;
    this.variables = variables;
    this.before = tf.memory().numTensors;
  }

  /**
   * To be called after each step. Says what it left behind, if anything; after the first time only when the sum has
   * doubled, so that a leak in each of a million steps is reported some twenty times.
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
