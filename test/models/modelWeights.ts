// Fills a network with the values of the golden files and finds its weights by name.
import assert from 'node:assert/strict';
import type * as tf from '@tensorflow/tfjs';
import { fill, weight, type GoldenArray, type GoldenRecipe } from '../goldens.ts';

/** Every weight of the model by its name, e.g. `stem_conv/kernel`. */
export function weightsByName(model: tf.LayersModel): Map<string, tf.Variable> {
  return new Map(model.weights.map((w) => [w.originalName, w.read() as tf.Variable]));
}

/**
 * Gives each weight listed its value by formula, and checks that none is left out. `ourName` is our name for a golden
 * one; `ours` turns a golden array into the weight, where that is more than turning its axes round.
 */
export function fillModel(
  model: tf.LayersModel,
  recipes: GoldenRecipe[],
  ourName: (golden: string) => string,
  ours: (array: GoldenArray) => tf.Tensor = weight,
): void {
  const weights = weightsByName(model);
  for (const recipe of recipes) {
    const name = ourName(recipe.name);
    const variable = weights.get(name);
    assert.ok(variable, `the model has no weight ${name}`);
    const tensor = ours(fill(recipe));
    variable.assign(tensor);
    tensor.dispose();
    weights.delete(name);
  }
  assert.deepEqual([...weights.keys()], [], 'weights without a golden value');
}
