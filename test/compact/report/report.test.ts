import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { compact } from 'sparsebook/compact/shrink/compact.js';
import { completeCount } from 'sparsebook/compact/counts.js';
import { measureLatency } from 'sparsebook/compact/report/latency.js';
import { reportText } from 'sparsebook/compact/report/compactionReport.js';
import { percentile } from 'sparsebook/compact/report/latency.js';
import { UserError } from 'sparsebook/errors.js';
import { gatesOf } from 'sparsebook/graph/gates.js';
import { googleNet } from 'sparsebook/models/googleNet.js';
import { l0Sparsifier } from 'sparsebook/sparsity/l0.js';

await tf.setBackend('cpu');

function gated(): { model: tf.LayersModel; masks: ReadonlyMap<string, Float32Array> } {
  const model = googleNet({ widthMultiplier: 0.125, gates: true });
  gatesOf(model).forEach((gate, g) => gate.logAlpha.assign(tf.randomNormal([gate.logAlpha.size], 0, 3, 'float32', g)));
  return { model, masks: l0Sparsifier(model, { lambda_l0: 1 }).channelMasks() };
}

test('a report counts, times and compares the network at full size and the small one', async () => {
  const { model, masks } = gated();
  const compaction = compact(model, masks);
  const before = tf.memory().numTensors;
  const report = await compaction.report({ batchSizes: [1, 3], runs: 3, warmUp: 1 });
  assert.equal(tf.memory().numTensors, before);

  const [masked, small] = [completeCount(model, masks), completeCount(compaction.model)];
  assert.deepEqual(report.parameters, { dense: masked.full, masked: masked.left, compact: small.full });
  assert.deepEqual(report.multiplyAdds, {
    dense: masked.multiplyAdds.full,
    masked: masked.multiplyAdds.left,
    compact: small.multiplyAdds.full,
  });
  assert.ok(report.multiplyAdds.compact <= report.multiplyAdds.masked);
  assert.deepEqual(report.bytes, { dense: 4 * model.countParams(), compact: 4 * compaction.model.countParams() });
  assert.ok(report.difference.relative <= 1e-5 && report.difference.images === 8);
  assert.equal(report.backend, 'cpu');
  assert.deepEqual(
    report.latency.map(({ batchSize, dense, compact }) => [batchSize, dense.runs, compact.runs]),
    [
      [1, 3, 3],
      [3, 3, 3],
    ],
  );
  for (const { dense, compact, speedUp } of report.latency) {
    assert.ok(dense.p10 <= dense.median && dense.median <= dense.p90);
    assert.equal(speedUp, dense.median / compact.median);
  }

  const text = reportText(report);
  for (const part of ['googleNet', 'parameters', 'multiply-adds per image', 'bytes', 'one image, ms', '3 images, ms']) {
    assert.ok(text.includes(part), part);
  }
  assert.match(text, /backend cpu/);
  assert.match(text, /Largest difference of logits, masked against compact, on 8 images: \d\.\de[-+]\d+/);
});

test('the reported difference is to the network with its masks applied, on the given images', async () => {
  const { model } = gated();
  // Masks of another method: the gates do not reflect them.
  const masks = new Map([['stem_conv', Float32Array.from([0, 1, 0, 1, 1, 0, 1, 1])]]);
  const images = tf.randomNormal([2, 32, 32, 3]);
  const { difference } = await compact(model, masks).report({ images, batchSizes: [] });
  assert.ok(difference.relative <= 1e-5 && difference.images === 2);
  await assert.rejects(compact(model, masks).report({ images: tf.zeros([2, 30, 32, 3]) }), (e) => {
    return (
      e instanceof UserError &&
      /Images to compare on must be \[N, 32, 32, 3\]; received \[2, 30, 32, 3\]/.test(e.message)
    );
  });
});

test('an aborted measurement ends between two passes', async () => {
  const { model } = gated();
  const signal = AbortSignal.abort(new Error('enough'));
  await assert.rejects(measureLatency(model, 1, { signal }), /enough/);
});

test('percentiles are interpolated between two values', () => {
  assert.deepEqual(
    [0, 0.1, 0.5, 0.9, 1].map((share) => percentile([10, 20, 30, 40], share)),
    [10, 13, 25, 37, 40],
  );
  assert.equal(percentile([7], 0.9), 7);
});

test('a network with several inputs and outputs is reported, with images for each input', async () => {
  const { layers: l } = tf;
  const [a, b] = [tf.input({ shape: [4, 4, 1] }), tf.input({ shape: [2] })];
  const conv = l.conv2d({ name: 'conv', filters: 3, kernelSize: 3 }).apply(a) as tf.SymbolicTensor;
  const mean = l.globalAveragePooling2d({}).apply(conv) as tf.SymbolicTensor;
  const both = l.concatenate().apply([mean, b]) as tf.SymbolicTensor;
  const outputs = [2, 1].map((units) => l.dense({ name: `o${units}`, units }).apply(both) as tf.SymbolicTensor);
  const compaction = compact(tf.model({ inputs: [a, b], outputs }), new Map([['conv', Float32Array.of(1, 0, 1)]]));
  const before = tf.memory().numTensors;
  const report = await compaction.report({ batchSizes: [2], runs: 1, warmUp: 0 });
  assert.deepEqual(report.parameters, { dense: 30 + 12 + 6, masked: 20 + 10 + 5, compact: 20 + 10 + 5 });
  assert.ok(report.difference.absolute < 1e-6);
  assert.equal(tf.memory().numTensors, before);
  const images = [tf.ones([5, 4, 4, 1]), tf.ones([5, 2])];
  assert.equal((await compaction.report({ images, batchSizes: [] })).difference.images, 5);
  for (const wrong of [images[0], [images[1], images[0]], [images[0], tf.ones([4, 2])]]) {
    await assert.rejects(compaction.report({ images: wrong, batchSizes: [] }), {
      name: 'UserError',
      message: /be \[N, 4, 4, 1\] and \[N, 2\]; received \[/,
    });
  }
});

test('nested networks count with their masks, wherever they are', async () => {
  const { layers: l } = tf;
  const inner = (inputShape: number[]): tf.Sequential =>
    tf.sequential({
      name: 'inner',
      layers: [l.conv2d({ name: 'conv', filters: 4, kernelSize: 3, inputShape }), l.globalAveragePooling2d({})],
    });
  const networks = [
    tf.sequential({ layers: [inner([6, 6, 2]), l.dense({ name: 'o', units: 2 })] }),
    tf.sequential({
      layers: [l.reLU({ inputShape: [6, 6, 2] }), inner([6, 6, 2]), l.dense({ name: 'o', units: 2 })],
    }),
  ];
  for (const model of networks) {
    const compaction = compact(model, new Map([['conv', Float32Array.of(1, 0, 0, 1)]]));
    const { parameters, difference, layers } = await compaction.report({ batchSizes: [] });
    assert.deepEqual(parameters, { dense: 76 + 10, masked: 38 + 6, compact: 38 + 6 });
    assert.equal(parameters.compact, compaction.model.countParams());
    assert.ok(difference.absolute < 1e-6);
    assert.deepEqual(
      layers.map(({ layer }) => layer),
      ['conv', 'o'],
    );
  }
});

test('labels of images are only for networks that choose between classes', async () => {
  for (const layers of [
    [tf.layers.conv2d({ filters: 3, kernelSize: 1, inputShape: [2, 2, 1] })],
    [tf.layers.flatten({ inputShape: [2, 2, 1] }), tf.layers.dense({ units: 1 })],
  ]) {
    const compaction = compact(tf.sequential({ name: 'odd', layers }));
    const report = compaction.report({ images: tf.zeros([2, 2, 2, 1]), labels: [0, 1], batchSizes: [] });
    await assert.rejects(report, {
      name: 'UserError',
      message: /at least 2 classes; odd gives \[N, (2, 2, 3|1)\]\. Leave/,
    });
  }
});
