// Layers of tf.layers that are rebuilt from their config are the same layers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import 'sparsebook/layers/completeConfigs.js';

await tf.setBackend('cpu');
const { layers: l } = tf;

const parts = {
  depthMultiplier: 2,
  depthwiseRegularizer: tf.regularizers.l2({ l2: 0.1 }),
  depthwiseConstraint: tf.constraints.maxNorm({ maxValue: 0.5, axis: 0 }),
};
const networks: Record<string, () => tf.layers.Layer> = {
  depthwise: () => l.depthwiseConv2d({ kernelSize: 3, inputShape: [5, 5, 3], ...parts }),
  separable: () => l.separableConv2d({ filters: 4, kernelSize: 3, inputShape: [5, 5, 3], ...parts }),
};

for (const [name, layer] of Object.entries(networks)) {
  test(`a ${name} convolution read from JSON has its multiplier, its regularizer and its constraint`, async () => {
    const model = tf.sequential({ layers: [layer()] });
    const modelTopology = JSON.parse(JSON.stringify(model.toJSON(null, false))) as object;
    const back = await tf.models.modelFromJSON({ modelTopology } as tf.io.ModelJSON);
    const shapes = (of: tf.LayersModel): unknown[] => of.weights.map(({ shape }) => shape);
    assert.deepEqual(shapes(back), shapes(model));
    const config = back.layers[0].getConfig();
    assert.equal((config.depthwiseRegularizer as { className: string }).className, 'L1L2');
    assert.deepEqual(config.depthwiseConstraint, {
      className: 'MaxNorm',
      config: { maxValue: 0.5, axis: 0 },
    });
    model.dispose();
    back.dispose();
  });
}
