import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { BatchNorm } from 'sparsebook/layers/batchNorm.js';
import { Conv2d } from 'sparsebook/layers/conv2d.js';
import * as hardConcreteCurves from 'sparsebook/layers/hardConcreteCurves.js';
import { L0Gate } from 'sparsebook/layers/l0Gate.js';
import { gatesOf } from 'sparsebook/graph/gates.js';
import { googleNet } from 'sparsebook/models/googleNet.js';
import { costTarget, LambdaController } from 'sparsebook/sparsity/lambdaController.js';
import { l0Sparsifier, type L0Options } from 'sparsebook/sparsity/l0.js';
import type { Sparsifier } from 'sparsebook/sparsity/sparsifier.js';

await useBackend({ backend: 'simd', threads: 1 });

/** conv a (2) + BN + gate, conv b (3) + gate, dense (5): small enough to count by hand. */
function network(): { model: tf.LayersModel; gates: [L0Gate, L0Gate] } {
  const gates: [L0Gate, L0Gate] = [new L0Gate({ name: 'gate_a' }), new L0Gate({ name: 'gate_b' })];
  const input = tf.input({ shape: [4, 4, 3] });
  let x = new Conv2d({ name: 'a', filters: 2, kernelSize: 3, padding: 1 }).apply(input);
  x = gates[0].apply(new BatchNorm({ name: 'bn', activation: 'relu' }).apply(x));
  x = gates[1].apply(new Conv2d({ name: 'b', filters: 3, kernelSize: 3, strides: 2, padding: 1 }).apply(x));
  x = tf.layers.globalAveragePooling2d({}).apply(x);
  const output = tf.layers.dense({ name: 'dense', units: 5 }).apply(x) as tf.SymbolicTensor;
  return { model: tf.model({ inputs: input, outputs: output, name: 'small' }), gates };
}

const penaltyOf = (sparsifier: Sparsifier): number => tf.tidy(() => sparsifier.penalty!().dataSync()[0]);
const close = (actual: number, wanted: number): void => assert.ok(Math.abs(actual - wanted) < 1e-5 * wanted);

test('the penalty is lambda times the weighted mean of P(mask != 0)', () => {
  const { model, gates } = network();
  gates[0].logAlpha.assign(tf.tensor1d([-1, 2]));
  gates[1].logAlpha.assign(tf.tensor1d([0, 1, -3]));
  const p = hardConcreteCurves.openProbability;
  const [a, b] = [p(-1) + p(2), p(0) + p(1) + p(-3)];
  const of = (options: L0Options): number => penaltyOf(l0Sparsifier(model, options));
  close(of({ lambda_l0: 10 }), (10 * (a + b)) / 5);
  close(of({ lambda_l0: 10, weighting: 'parameters' }), (10 * (57 * a + 24 * b)) / (2 * 57 + 3 * 24));
  // If time is proportional to multiply-adds, channels have the same weights as by multiply-adds.
  const times = new Map(
    Object.entries({ a: [144, 432], b: [108, 72], dense: [5, 3] }).map(([name, [input, output]]) => [
      name,
      { input, output },
    ]),
  );
  close(of({ lambda_l0: 10, weighting: 'time', times }), of({ lambda_l0: 10, weighting: 'multiplyAdds' }));
  assert.throws(() => of({ lambda_l0: 10, weighting: 'time' }), /needs times/);
  close(of({ lambda_l0: 10, weighting: 'multiplyAdds' }), (10 * (540 * a + 77 * b)) / (2 * 540 + 3 * 77));
});

test('masks are named after the layer whose channels they close', () => {
  const { model, gates } = network();
  gates[0].logAlpha.assign(tf.tensor1d([-3, 0]));
  const masks = l0Sparsifier(model, { lambda_l0: 1 }).channelMasks();
  assert.deepEqual([...masks.keys()], ['a', 'b']);
  assert.deepEqual([...masks.get('a')!], [0, 0.5]);
});

test('the summary counts closed, fully open and expected open channels', () => {
  const { model, gates } = network();
  gates[0].logAlpha.assign(tf.tensor1d([-3, 0]));
  gates[1].logAlpha.assign(tf.tensor1d([3, 3, -3]));
  const p = hardConcreteCurves.openProbability;
  const { expectedOpen, ...counts } = l0Sparsifier(model, { lambda_l0: 1 }).summary!();
  assert.deepEqual(counts, { channels: 5, closed: 2, fullyOpen: 2 });
  close(expectedOpen, 2 * p(-3) + p(0) + 2 * p(3));
});

test('clampLogAlpha keeps logAlpha within +-ln 100 after a step, if requested', () => {
  const { model, gates } = network();
  gates[0].logAlpha.assign(tf.tensor1d([-9, 9]));
  assert.ok(!l0Sparsifier(model, { lambda_l0: 1 }).afterStep);
  l0Sparsifier(model, { lambda_l0: 1, clampLogAlpha: true }).afterStep!(0.1, 1);
  assert.deepEqual([...gates[0].logAlpha.dataSync()], [-Math.fround(Math.log(100)), Math.fround(Math.log(100))]);
});

test('state contains how often each gate has drawn, and restore sets it back', () => {
  const { model, gates } = network();
  const sparsifier = l0Sparsifier(model, { lambda_l0: 1 });
  tf.dispose(model.apply(tf.ones([1, 4, 4, 3]), { training: true }) as tf.Tensor);
  const saved = JSON.parse(JSON.stringify(sparsifier.state())) as ReturnType<Sparsifier['state']>;
  assert.deepEqual(saved, { draws: { gate_a: 1, gate_b: 1 } });
  gates[0].draws = 7;
  sparsifier.restore(saved);
  assert.equal(gates[0].draws, 1);
  assert.throws(() => sparsifier.restore({}), /no draws of the gate gate_a/);
});

test('gates have a parameter group with their own learning rate', () => {
  const { model, gates } = network();
  const [group] = l0Sparsifier(model, { lambda_l0: 1, lr_gates: 0.05 }).parameterGroups!;
  assert.equal(group.lr, 0.05);
  assert.deepEqual(
    group.variables,
    gates.map((gate) => gate.logAlpha),
  );
});

test('no method of the sparsifier leaves a tensor behind', () => {
  const { model } = network();
  const sparsifier = l0Sparsifier(model, { lambda_l0: 1, clampLogAlpha: true });
  const before = tf.memory().numTensors;
  sparsifier.penalty!().dispose();
  sparsifier.afterStep!(0.1, 1);
  sparsifier.channelMasks();
  sparsifier.summary!();
  assert.equal(tf.memory().numTensors, before);
});

test('impossible options are refused in a sentence', () => {
  const { model } = network();
  assert.throws(() => l0Sparsifier(googleNet({ widthMultiplier: 0.1 }), { lambda_l0: 1 }), /googleNet has no L0 gates/);
  assert.throws(() => l0Sparsifier(model, { lambda_l0: -1 }), /lambda_l0 must be a number of at least 0; received -1/);
  assert.throws(
    () => l0Sparsifier(model, { lambda_l0: 1, lr_gates: NaN }),
    /lr_gates must be a number of at least 0; received NaN/,
  );
  assert.throws(
    () => l0Sparsifier(model, { lambda_l0: 1, weighting: 'l1' as 'sum' }),
    /weighting must be .* received 'l1'/,
  );
  const onWeights = googleNet({ widthMultiplier: 0.1, gates: { unstructured: true } });
  const times = new Map([['stem_conv', { input: 1, output: 1 }]]);
  for (const options of [{ model }, { model, times: new Map() }, { model: onWeights, times }]) {
    const timed = { lambda_l0: 1, weighting: 'time', times: options.times } as const;
    assert.throws(() => l0Sparsifier(options.model, timed), /The weighting 'time' needs times/);
  }
  const input = tf.input({ shape: [4] });
  const lone = tf.model({ inputs: input, outputs: new L0Gate({ name: 'g' }).apply(input) as tf.SymbolicTensor });
  assert.throws(() => l0Sparsifier(lone, { lambda_l0: 1 }), /The gate g must follow a convolution or dense layer/);
});

test('gates on weights give masks by kernel, weighted equally or by their multiply-adds', () => {
  const model = googleNet({ widthMultiplier: 0.1, gates: { unstructured: true } });
  const gates = gatesOf(model);
  const sparsifier = l0Sparsifier(model, { lambda_l0: 10 });
  assert.equal(sparsifier.channelMasks().size, 0);
  const [first, last] = [gates[0], gates.at(-1)!];
  first.logAlpha.assign(tf.fill(first.logAlpha.shape, -3));
  const masks = sparsifier.weightMasks!();
  assert.deepEqual([...masks.keys()].slice(0, 1), [`${first.name}/kernel`]);
  assert.equal(Math.max(...masks.get(`${first.name}/kernel`)!), 0);
  assert.equal(masks.get(`${last.name}/kernel`)!.length, last.logAlpha.size);

  const shares = gates.map(({ logAlpha, outputShape }) => ({
    open: tf.tidy(() => logAlpha.arraySync() as unknown as number[]).flat(3),
    positions: (outputShape as number[])[1] ** 2,
  }));
  const mean = (weightOf: (positions: number) => number): number => {
    const weights = shares.flatMap(({ open, positions }) => open.map(() => weightOf(positions)));
    const values = shares.flatMap(({ open }) => open.map((a) => hardConcreteCurves.openProbability(a)));
    return values.reduce((sum, p, i) => sum + p * weights[i], 0) / weights.reduce((sum, w) => sum + w, 0);
  };
  close(penaltyOf(sparsifier), 10 * mean(() => 1));
  close(penaltyOf(l0Sparsifier(model, { lambda_l0: 10, weighting: 'multiplyAdds' })), 10 * mean((n) => n));
});

test('lambda or a target is given, not both', () => {
  const { model } = network();
  const target = { sparsity: 0.5, sparsityOf: () => 0 };
  assert.throws(() => l0Sparsifier(model, {}), /lambda_l0 must be given, or a target .*; received neither/);
  assert.throws(() => l0Sparsifier(model, { lambda_l0: 1, target }), /and not both; received both/);
  const beyond = { ...target, sparsity: 1 };
  assert.throws(() => l0Sparsifier(model, { target: beyond }), /at least 0 and below 1; received 1/);
});

const closingOf = (mask: Float32Array): number => 1 - mask.reduce((sum, value) => sum + value, 0) / mask.length;

/**
 * Simulates 800 gates whose log alpha moves by up to one learning rate per step, as with Adam: the penalty pulls down
 * by lambda, and the worth of each gate, spread over four powers of ten, pulls up. Returns the sparsity reached.
 */
function simulate(controller: LambdaController, { steps, rate }: { steps: number; rate: number }): number {
  const n = 800;
  const worth = Array.from({ length: n }, (_, i) => 10 ** (-2 + (4 * i) / n));
  const logAlpha = Array<number>(n).fill(2.94);
  const sparsityOf = (mask: Float32Array): number => mask.filter((value) => value === 0).length / n;
  let mask = new Float32Array(n);
  for (let step = 0; step < steps; step++) {
    for (let i = 0; i < n; i++) {
      const pull = controller.lambda * 0.25 - worth[i];
      logAlpha[i] = Math.min(4, logAlpha[i] - rate * Math.tanh(pull));
    }
    mask = Float32Array.from(logAlpha, (a) => hardConcreteCurves.testMask(a));
    controller.observe({ masks: new Map([['conv', mask]]), closing: closingOf(mask), travel: rate });
  }
  return sparsityOf(mask);
}

const target = (sparsity: number) => ({
  sparsity,
  sparsityOf: (masks: ReadonlyMap<string, Float32Array>) => {
    const values = [...masks.values()].flatMap((mask) => [...mask]);
    return values.filter((value) => value === 0).length / values.length;
  },
});

test('the controller leads simulated gates to within 0.03 of any target and holds it, at any learning rate', () => {
  for (const sparsity of [0, 0.2, 0.5, 0.8]) {
    for (const rate of [0.05, 0.2]) {
      for (const travel of [24, 40]) {
        const steps = Math.round(travel / rate);
        const reached = simulate(new LambdaController(target(sparsity)), { steps, rate });
        assert.ok(Math.abs(reached - sparsity) <= 0.03, `${sparsity} at ${rate}, travel ${travel}: ${reached}`);
      }
    }
  }
});

/**
 * Simulates six layers of 100 gates each that read one another, so that a layer costs inputs times outputs, and every
 * other layer ten times as much. Gates move as in `simulate`, pulled by the cost of a channel in the whole network.
 * Returns the share of the cost that is left.
 */
function simulateChain(share: number, rate: number): number {
  const n = 100;
  const full = Array<number>(6).fill(n);
  const costOf = (widths: readonly number[]): number =>
    [...widths, 10].reduce(
      (sum, width, layer) => sum + (layer % 2 === 0 ? 1 : 10) * width * (widths[layer - 1] ?? 3),
      0,
    );
  const whole = costOf(full);
  const open = (mask?: Float32Array): number => mask?.filter((value) => value > 0).length ?? n;
  const left = (masks: ReadonlyMap<string, Float32Array>): number =>
    costOf(full.map((_, layer) => open(masks.get(String(layer))))) / whole;
  const closed = new Map(full.map((_, layer) => [String(layer), new Float32Array(n)]));
  const controller = new LambdaController(costTarget({ left: share, costOf: left, closed, name: 'target', unit: '' }));
  const costs = full.map((_, layer) => (whole - costOf(full.with(layer, 0))) / whole);
  const mean = costs.reduce((sum, cost) => sum + cost, 0) / full.length;
  const logAlpha = full.map(() => Array<number>(n).fill(2.94));
  let masks: ReadonlyMap<string, Float32Array> = closed;
  for (let step = 0; step < 40 / rate; step++) {
    logAlpha.forEach((gates, layer) =>
      gates.forEach((value, i) => {
        const pull = (controller.lambda * 0.25 * costs[layer]) / mean - 10 ** (-2 + (4 * (i + layer / 6)) / n);
        gates[i] = Math.min(4, value - rate * Math.tanh(pull));
      }),
    );
    const maskOf = (gates: number[]): Float32Array => Float32Array.from(gates, (a) => hardConcreteCurves.testMask(a));
    masks = new Map(logAlpha.map((gates, layer) => [String(layer), maskOf(gates)]));
    const closings = [...masks.values()].map((mask, layer) => costs[layer] * closingOf(mask));
    const closing = closings.reduce((sum, each) => sum + each, 0) / (mean * full.length);
    controller.observe({ masks, closing, travel: rate });
  }
  return left(masks);
}

test('the controller leads gates to within 0.03 of a cost that is no share of channels, whatever they cost', () => {
  for (const share of [0.3, 0.5, 0.8]) {
    for (const rate of [0.05, 0.2]) {
      const left = simulateChain(share, rate);
      assert.ok(Math.abs(left - share) <= 0.03, `${share} at ${rate}: ${left}`);
    }
  }
});

test('a cost that no masks can reach is refused with what can be reached', () => {
  const costOf = (masks: ReadonlyMap<string, Float32Array>): number => (masks.size === 0 ? 12.5 : 1234 / 1000);
  const goal = { costOf, closed: new Map([['a', new Float32Array(2)]]), name: 'target_ms', unit: 'ms' };
  for (const left of [1.2, 1.234, 12.6, NaN]) {
    assert.throws(() => costTarget({ ...goal, left }), {
      name: 'UserError',
      message: `target_ms must be above 1.23 ms, which is what is left where every gate is closed, and at most the 12.5 ms of the whole network; received ${left}.`,
    });
  }
  assert.equal(costTarget({ ...goal, left: 12.5 }).sparsity, 0);
});

test('a measurement corrects a wrongly computed cost from then on, and after a checkpoint', async () => {
  const n = 100;
  const open = (masks: ReadonlyMap<string, Float32Array>): number =>
    masks.get('conv')?.filter((m) => m > 0).length ?? n;
  // The real cost is below the computed one, the more so the more is closed.
  const real = (masks: ReadonlyMap<string, Float32Array>): number => open(masks) ** 2 / n;
  const goal = { costOf: open, closed: new Map([['conv', new Float32Array(n)]]), name: 'target_ms', unit: 'ms' };
  const measured = costTarget({ ...goal, left: 49, measure: (masks) => Promise.resolve(real(masks)) });
  const masks = (left: number) => new Map([['conv', Float32Array.from({ length: n }, (_, i) => (i < left ? 1 : 0))]]);
  // After the ramp, with as many gates closed as in the reference, lambda has the sign of the remaining difference.
  const lambdaAt = (controller: LambdaController, left: number): number => {
    controller.observe({ masks: masks(left), closing: 0.51, travel: 100 });
    return controller.lambda;
  };
  assert.ok(lambdaAt(new LambdaController(measured), 70) > 0);
  const led = new LambdaController(measured);
  await led.correct(masks(70));
  assert.equal(led.correction, Math.sqrt(0.7));
  for (let epoch = 0; epoch < 50; epoch++) await led.correct(masks(70));
  assert.ok(Math.abs(led.correction - 0.7) < 1e-12);
  const state = JSON.parse(JSON.stringify(led.state())) as ReturnType<typeof led.state>;
  const lambdas = [70, 80, 60].map((left) => {
    const resumed = new LambdaController(measured);
    resumed.restore(state);
    return lambdaAt(resumed, left);
  });
  assert.equal(lambdas[0], lambdaAt(led, 70));
  assert.ok(Math.abs(lambdas[0]) < 1e-9 && lambdas[1] > 0 && lambdas[2] < 0, lambdas.join(', '));

  const counted = new LambdaController(costTarget({ ...goal, left: 49 }));
  await counted.correct(masks(70));
  assert.deepEqual([counted.correction, 'correction' in counted.state()], [1, false]);
});

test('a controller that resumes from its saved state chooses the same lambdas', () => {
  const [whole, saved] = [new LambdaController(target(0.5)), new LambdaController(target(0.5))];
  const at = (step: number) => {
    const mask = Float32Array.from({ length: 50 }, (_, i) => (i < step ? 0 : 1));
    return { masks: new Map([['conv', mask]]), closing: closingOf(mask), travel: 0.4 };
  };
  for (let step = 0; step < 30; step++) for (const each of [whole, saved]) each.observe(at(step));
  const resumed = new LambdaController(target(0.5));
  resumed.restore(JSON.parse(JSON.stringify(saved.state())) as ReturnType<typeof saved.state>);
  for (let step = 30; step < 40; step++) {
    for (const each of [whole, resumed]) each.observe(at(step));
    assert.equal(resumed.lambda, whole.lambda);
  }
  assert.throws(() => resumed.restore(undefined), /no lambda of a target\./);
});

test('a sparsifier with a target keeps its controller in its state and reports lambda', () => {
  const { model, gates } = network();
  gates.forEach(({ logAlpha }) => logAlpha.assign(tf.fill(logAlpha.shape, 2.94)));
  const sparsifier = l0Sparsifier(model, { target: target(0.5), lr_gates: 1 });
  assert.equal(penaltyOf(sparsifier), 0);
  sparsifier.afterStep!(0.1, 1);
  const { lambda } = sparsifier.summary!();
  assert.ok(lambda > 0, `after a step with open gates: ${lambda}`);
  const again = l0Sparsifier(model, { target: target(0.5), lr_gates: 1 });
  again.restore(JSON.parse(JSON.stringify(sparsifier.state())) as ReturnType<Sparsifier['state']>);
  assert.equal(penaltyOf(again), penaltyOf(sparsifier));
  assert.throws(() => again.restore({ draws: { gate_a: 0, gate_b: 0 } }), /no lambda of a target\./);
});

test("the controller's time is the distance that gates can have moved: their learning rate times the schedule's factor", () => {
  for (const [lr_gates, way] of [
    [0.5, 0.5 + 0.125],
    [undefined, 0.1 + 0.025],
  ] as const) {
    const sparsifier = l0Sparsifier(network().model, { target: target(0.5), lr_gates });
    sparsifier.afterStep!(0.1, 1);
    sparsifier.afterStep!(0.025, 0.25);
    assert.equal((sparsifier.state().controller as { travel: number }).travel, way);
  }
});
