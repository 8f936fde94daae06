import * as tf from '@tensorflow/tfjs';
import { leafLayers, weightNames } from '../graph/names.js';
import { type LayerNode, networkGraph } from '../graph/networkGraph.js';
import { unchanged } from './statistics.js';

/** A tensor, and its name in messages. */
type Named = readonly [what: string, values: tf.Tensor];

/** Names the first tensor that `make` returns with a value that is not finite; undefined if all are finite. */
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

/** Names the first weight, from the input on, with a value that is not finite; undefined if all are finite. */
export async function firstNonFiniteWeight(model: tf.LayersModel): Promise<string | undefined> {
  const names = weightNames(model);
  const weights = leafLayers(model).flatMap(({ weights }) => weights);
  return firstOf(() => weights.map((weight) => [`the weight ${names.get(weight)}`, weight.read()]));
}

/**
 * Names the first weight or layer output, from the input on, with a value that is not finite; undefined if all are
 * finite. Runs the network once on x, such as images [N, H, W, C], in training mode; restores running statistics and
 * the gates' counts of draws.
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
        // Copies, because a pass changes running statistics.
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
  private reported = 0;

  /**
   * Call this before each step, with the network that it trains. A step with a new network or new variables is not
   * counted, because the optimizer then allocates its memory.
   */
  begin(model: tf.LayersModel): void {
    const variables = model.trainableWeights.length;
    this.excused = model !== this.model || variables !== this.variables;
    this.model = model;
    this.variables = variables;
    this.before = tf.memory().numTensors;
  }

  /**
   * Call this after each step. Returns a warning if tensors were left behind; after the first warning only when their
   * number has doubled, so that a leak in each of a million steps is reported about twenty times.
   */
  end(step: number): string | undefined {
    const after = tf.memory().numTensors;
    const grown = after - this.before;
    if (this.excused || grown <= 0) return undefined;
    this.left += grown;
    if (this.left < 2 * this.reported) return undefined;
    this.reported = this.left;
    return (
      `Step ${step} left ${grown} tensors behind (${this.before} before it, ${after} after), ${this.left} so far in this ` +
      'run: memory will run out. Dispose what a penalty, a gradient hook or an optimizer makes, or wrap it in tf.tidy.'
    );
  }
}
