import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { layerCosts } from 'sparsebook/compact/counts.js';
import { reportText } from 'sparsebook/compact/report/compactionReport.js';
import { compact } from 'sparsebook/compact/shrink/compact.js';
import { drawnMasks, layerTimes, timeTable, type LayerTimes } from 'sparsebook/compact/time/layerTimes.js';
import { keptByMasks } from 'sparsebook/compact/time/keptByMasks.js';
import { measuredTime } from 'sparsebook/compact/time/measuredTime.js';
import { channelTimes, predictedTime, timePredictor } from 'sparsebook/compact/time/predictedTime.js';
import { surroundings, unitModel, unitsOf, widthsOf } from 'sparsebook/compact/time/units.js';
import { computedOutputs, rising, timeAt, wholeAt, widthGrid } from 'sparsebook/compact/time/widthTimes.js';
import { channelGraph } from 'sparsebook/graph/channelGraph.js';
import { kernelGeometry } from 'sparsebook/graph/kernels.js';
import { BatchNorm } from 'sparsebook/layers/batchNorm.js';
import { Conv2d } from 'sparsebook/layers/conv2d.js';
import { L0Gate } from 'sparsebook/layers/l0Gate.js';
import { plainNetworks } from '../plainNetworks.ts';

await tf.setBackend('cpu');

/** Two parallel branches of 8 channels, each with a gate, and logits. */
function branches(): tf.LayersModel {
  const input = tf.input({ shape: [4, 4, 3] });
  const branch = (name: string, kernelSize: number): tf.SymbolicTensor => {
    const conv = new Conv2d({ name, filters: 8, kernelSize, padding: (kernelSize - 1) / 2 }).apply(input);
    const norm = new BatchNorm({ name: `${name}_bn`, activation: 'relu' }).apply(conv);
    return new L0Gate({ name: `${name}_gate` }).apply(norm) as tf.SymbolicTensor;
  };
  const both = tf.layers.concatenate().apply([branch('a', 1), branch('b', 3)]) as tf.SymbolicTensor;
  const mean = tf.layers.globalAveragePooling2d({}).apply(both);
  const logits = tf.layers.dense({ name: 'logits', units: 4 }).apply(mean) as tf.SymbolicTensor;
  return tf.model({ name: 'branches', inputs: input, outputs: logits });
}

/**
 * Times in which each multiply-add takes a millisecond and everything else nothing, in single layers and in the
 * network.
 */
function multiplyAddTimes(model: tf.LayersModel): LayerTimes {
  const layers: LayerTimes['layers'] = {};
  for (const unit of unitsOf(channelGraph(model))) {
    const { layer, outputShape } = unit.head;
    const geometry = kernelGeometry(layer, outputShape);
    const [inputs, outputs] = [widthGrid(unit.head.role === 'kernel' ? 32 : 1), widthGrid(128)];
    const ms = inputs.map((m) =>
      outputs.map(
        (n) => geometry?.kernels.reduce((sum, { entries }) => sum + entries(m, n) * geometry.positions, 0) ?? 0,
      ),
    );
    layers[unit.shape] = { inputs, outputs, ms };
  }
  return { machine: 'paper', batchSize: 1, layers, networks: [[1, 1]] };
}

test('a layer is timed at widths that are denser for narrow layers, down to a sixteenth', () => {
  assert.deepEqual(widthGrid(64), [4, 8, 12, 16, 32, 64]);
  assert.deepEqual(widthGrid(176), [12, 16, 32, 64, 128, 176]);
  assert.deepEqual([widthGrid(3), widthGrid(1), widthGrid(10)], [[1, 3], [1], [4, 8, 10]]);
});

test('times between measured widths are bilinear, and outputs are computed in fours', () => {
  const [inputs, outputs] = [widthGrid(48), widthGrid(64)];
  const ms = (m: number, n: number): number => 2 + 0.5 * m + 0.25 * n + 0.125 * m * n;
  const times = { inputs, outputs, ms: inputs.map((m) => outputs.map((n) => ms(m, n))) };
  for (const m of [1, 3, 4, 17, 48, 50]) {
    for (const n of [4, 20, 64]) assert.ok(Math.abs(timeAt(times, m, n) - ms(m, n)) < 1e-9, `${m} to ${n}`);
  }
  const own = { inputs: [1], outputs: [4, 10], ms: [[1, 4]] };
  assert.deepEqual([timeAt(own, 1, 10), timeAt(own, 99, 5), timeAt(own, 1, 2)], [4, 1.5, 0]);
  assert.deepEqual(
    [1, 4, 5, 9, 10].map((output) => computedOutputs(own, output)),
    [4, 4, 8, 10, 10],
  );
});

test("a whole network's time never falls when the sum of its layers rises, and is proportional beyond the measured ones", () => {
  const pairs = rising([
    [4, 8],
    [1, 3],
    [3, 5],
    [2, 7],
  ]);
  assert.deepEqual(pairs, [
    [1, 3],
    [2, 6],
    [3, 6],
    [4, 8],
  ]);
  assert.deepEqual(
    [0.5, 1, 1.5, 2.5, 3.5, 4, 8].map((sum) => wholeAt(pairs, sum)),
    [1.5, 3, 4.5, 6, 7, 8, 16],
  );
});

test('masks alone determine what compaction leaves, and a linear table predicts its time exactly', () => {
  for (const [name, build] of Object.entries(plainNetworks)) {
    const model = build();
    const graph = channelGraph(model);
    const predict = timePredictor(model, multiplyAddTimes(model));
    const kept = keptByMasks(graph);
    for (const share of [0.5, 0.8]) {
      const masks = drawnMasks(graph, share, 3);
      const { model: small, widths } = compact(model, masks, { roundTo: 4 });
      const stays = kept(masks, { roundTo: 4 });
      for (const { layer, after } of widths) {
        const node = graph.nodes.find((each) => each.name === layer)!;
        const width = stays.built.has(node) ? stays.kept.get(node)!.filter((flag) => flag).length : 0;
        assert.equal(width, after, `${name}, ${layer}, ${share} left`);
      }
      // Outputs count in fours, even in layers with other widths. A factor that became constant is not counted.
      const before = channelGraph(small).nodes.filter((node) => graph.nodes.some((each) => each.name === node.name));
      const wanted = before.reduce((sum, { layer, outputShape }) => {
        const { kernels, inputs, outputs, positions } = kernelGeometry(layer, outputShape) ?? { kernels: [] };
        return kernels.reduce(
          (all, { entries }) => all + entries(inputs!, 4 * Math.ceil(outputs! / 4)) * positions!,
          sum,
        );
      }, 0);
      const predicted = predict(masks, { roundTo: 4 });
      assert.ok(Math.abs(predicted - wanted) <= 1e-9 * wanted, `${name}, ${share} left: ${predicted}, not ${wanted}`);
      small.dispose();
    }
    model.dispose();
  }
});

test('the cost of a channel at a layer is what cutting it saves there', () => {
  const model = branches();
  const times = channelTimes(model, multiplyAddTimes(model));
  assert.deepEqual(times.get('b'), { input: 9 * 8 * 16, output: 9 * 3 * 16 });
  assert.deepEqual(times.get('logits'), { input: 4, output: 16 });
});

test('a layer is timed between layers that cost almost nothing, and these cost the same without it', () => {
  const adds = (model: tf.LayersModel): number => layerCosts(model).reduce((sum, cost) => sum + cost.multiplyAdds, 0);
  for (const [name, build] of Object.entries(plainNetworks)) {
    const model = build();
    for (const unit of unitsOf(channelGraph(model))) {
      const { head } = unit;
      const [inputs, outputs] = widthsOf(unit, ({ channels }) => channels);
      const [alone, around] = [unitModel, surroundings].map((make) => make(unit, inputs, outputs));
      const { kernels, positions } = kernelGeometry(head.layer, head.outputShape) ?? { kernels: [], positions: 0 };
      const own = kernels.reduce((sum, { entries }) => sum + entries(inputs, outputs) * positions, 0);
      // The last layers read one position of each tensor; their weights are its channels and a bias.
      const ends = around.layers.slice(-around.outputs.length);
      const read = ends.reduce((sum, layer) => sum + layer.countParams() - 1, 0);
      assert.equal(adds(alone) - adds(around), own + head.channels - read, `${name}, ${head.name}`);
      assert.deepEqual(
        [alone, around].map((each) => each.outputs.length),
        [1, head.inputs.length],
      );
      alone.dispose();
      around.dispose();
    }
    model.dispose();
  }
});

test('times of other layers are refused, with what to do', () => {
  const times = { ...multiplyAddTimes(branches()), layers: {} };
  assert.throws(() => predictedTime(branches(), new Map(), times), {
    name: 'UserError',
    message:
      /there is none for a \(Conv2d, .*\) and 1 images\. Measure them: await layerTimes\(model, \{ batchSize: 1 \}\)/,
  });
});

const root = mkdtempSync(join(tmpdir(), 'sparsebook-times-'));
process.on('exit', () => rmSync(root, { recursive: true, force: true }));

/**
 * A clock that advances by a millisecond whenever it is read, and a count of the reads: a layer takes exactly one call.
 */
function fakeClock() {
  let reads = 0;
  return { now: () => ++reads, reads: () => reads };
}

test('layers are timed once per machine, and stored; whole networks are stored with their layers', async () => {
  const model = branches();
  const [clock, second] = [fakeClock(), fakeClock()];
  const told: string[] = [];
  const before = tf.memory().numTensors;
  const times = await layerTimes(model, { root, now: clock.now, onProgress: ({ what }) => told.push(what) });
  assert.equal(tf.memory().numTensors, before);
  assert.deepEqual(told, [...Object.keys(times.layers), 'branches']);
  assert.deepEqual(Object.keys(times.layers), [
    'Conv2d, 4x4 to 4x4, BatchNorm with relu',
    'Conv2d, 3x3, 4x4 to 4x4, BatchNorm with relu',
    'GlobalAveragePooling2D, 4x4 to 1x1',
    'Dense, 1x1 to 1x1',
  ]);
  assert.deepEqual(times.layers['Dense, 1x1 to 1x1'], {
    inputs: [4, 8, 12, 16],
    outputs: [1, 4],
    ms: Array(4).fill([0, 0]),
  });
  assert.equal(times.networks.length, 5);
  assert.ok(times.networks.every(([, whole]) => whole === 1));

  assert.deepEqual(await layerTimes(model, { root, now: second.now }), times);
  assert.equal(second.reads(), 0);
  assert.equal(readdirSync(root).length, 1);
  assert.deepEqual(await layerTimes(model, { root, now: second.now, again: true }), times);
  assert.equal(second.reads(), clock.reads());
  const rows = timeTable(times);
  assert.deepEqual(rows[3], {
    layer: 'Dense, 1x1 to 1x1',
    inputs: '4-16',
    outputs: '1-4',
    'ms for 1 image, narrowest': 0,
    'ms, widest': 0,
  });
});

test("the compact network's time is measured as a share of the whole network's, however slow the machine is", async (t) => {
  const model = branches();
  const times = { ...multiplyAddTimes(model), networks: [[1000, 20]] as [number, number][] };
  const whole = predictedTime(model, new Map(), times);
  const masks = new Map([['b', Float32Array.of(1, 1, 0, 0, 0, 0, 0, 0)]]);
  // A convolution takes as many milliseconds as it has weights.
  let [clock, slow] = [0, 1];
  const call = Object.getOwnPropertyDescriptor(Conv2d.prototype, 'call')!.value as Conv2d['call'];
  t.mock.method(Conv2d.prototype, 'call', function (this: Conv2d, ...given: Parameters<Conv2d['call']>) {
    clock += slow * this.countParams();
    return call.apply(this, given);
  });
  const before = tf.memory().numTensors;
  const weights = (b: number): number => 8 * 4 + b * 28;
  for (slow of [1, 7]) {
    const measured = await measuredTime(model, masks, times, { now: () => clock });
    assert.ok(Math.abs(measured / whole - weights(2) / weights(8)) < 1e-9, `${measured} of ${whole}`);
  }
  assert.equal(tf.memory().numTensors, before);
});

test('a depthwise convolution is timed at all widths, even if they are not multiples of the multiplier', async () => {
  const model = tf.sequential({
    layers: [tf.layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 3, inputShape: [4, 4, 4] })],
  });
  const { layers } = await layerTimes(model, { root, now: fakeClock().now });
  assert.deepEqual(layers['DepthwiseConv2D, 3x3, 3 of each channel, 4x4 to 2x2'].outputs, [4, 8, 12]);
});

test('an aborted measurement keeps the times measured so far', async () => {
  const folder = join(root, 'stopped');
  const stop = new AbortController();
  const onProgress = ({ done }: { done: number }): void => void (done === 2 && stop.abort(new Error('enough')));
  const clock = fakeClock();
  await assert.rejects(
    layerTimes(branches(), { root: folder, now: clock.now, signal: stop.signal, onProgress }),
    /enough/,
  );
  const told: string[] = [];
  await layerTimes(branches(), { root: folder, now: clock.now, onProgress: ({ what }) => told.push(what) });
  assert.deepEqual(told, ['GlobalAveragePooling2D, 4x4 to 1x1', 'Dense, 1x1 to 1x1', 'branches']);
  await assert.rejects(
    layerTimes(branches(), { batchSize: 0 }),
    /batchSize must be a whole number of at least 1; received 0/,
  );
});

test('a report shows the predicted time beside the measured one', async () => {
  const model = branches();
  const masks = new Map([['b', Float32Array.of(1, 1, 1, 1, 0, 0, 0, 0)]]);
  const times = [multiplyAddTimes(model)];
  const report = await compact(model, masks).report({ batchSizes: [1, 2], runs: 1, warmUp: 0, times });
  const dense = 16 * 3 * 8 * 10 + 64;
  assert.deepEqual(
    report.latency.map(({ predicted }) => predicted),
    [{ dense, compact: dense - 16 * 27 * 4 - 16 }, undefined],
  );
  assert.match(reportText(report), /one image, ms predicted +3904\.0 +2160\.0/);
});
