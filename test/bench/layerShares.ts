// Which layers of a compact network have a larger share of the time than of the multiply-adds: each layer is timed
// alone, as wide as in the dense network and as narrow as in the compact one.
import type * as tf from '@tensorflow/tfjs';
import { timeInTurns, type LatencyOptions } from 'sparsebook/compact/report/latency.js';
import { keptByMasks } from 'sparsebook/compact/time/keptByMasks.js';
import { isBuilt, surroundings, unitModel, unitsOf, widthsOf } from 'sparsebook/compact/time/units.js';
import { channelGraph, type ChannelMasks, type ChannelNode } from 'sparsebook/graph/channelGraph.js';
import { kernelGeometry } from 'sparsebook/graph/kernels.js';

interface Shares {
  count: number;
  /** Milliseconds and multiply-adds, dense and compact. */
  ms: [number, number];
  adds: [number, number];
  widths: string[];
}

/** Prints, by kind of layer, the times in both networks and the multiply-adds, ordered by lost time. */
export async function layerShares(
  model: tf.LayersModel,
  masks: ChannelMasks,
  { roundTo, batchSize, passes }: { roundTo: number; batchSize: number; passes: LatencyOptions },
): Promise<void> {
  const graph = channelGraph(model);
  const kept = keptByMasks(graph)(masks, { roundTo });
  const left = (node: ChannelNode): number => kept.kept.get(node)!.filter(Boolean).length;
  const kinds = new Map<string, Shares>();
  for (const unit of unitsOf(graph)) {
    if (!isBuilt(unit, kept)) continue;
    const widths = [widthsOf(unit, ({ channels }) => channels), widthsOf(unit, left)];
    const models = widths.flatMap(([inputs, outputs]) => [
      surroundings(unit, inputs, outputs),
      unitModel(unit, inputs, outputs),
    ]);
    const times = (await timeInTurns(models, batchSize, passes)).map(({ times: [quickest] }) => quickest);
    for (const each of models) each.dispose();
    const { kernels, positions } = kernelGeometry(unit.head.layer, unit.head.outputShape) ?? { kernels: [] };
    const sum = kinds.get(unit.shape) ?? { count: 0, ms: [0, 0], adds: [0, 0], widths: [] };
    widths.forEach(([inputs, outputs], i) => {
      sum.ms[i] += Math.max(0, times[2 * i + 1] - times[2 * i]);
      sum.adds[i] += kernels.reduce((all, { entries }) => all + entries(inputs, outputs) * positions!, 0);
    });
    sum.count++;
    sum.widths.push(widths.map((pair) => pair.join('-')).join(' to '));
    kinds.set(unit.shape, sum);
  }
  const total = (of: (shares: Shares) => number): number =>
    [...kinds.values()].reduce((all, each) => all + of(each), 0);
  const [dense, adds] = [total(({ ms }) => ms[0]), total(({ adds }) => adds[0])];
  const share = total(({ adds: [, few] }) => few) / adds;
  // The time of a kind beyond what it would take at the whole network's share of the multiply-adds.
  const excess = ({ ms: [before, after] }: Shares): number => after - share * before;
  console.log(
    `${model.name}, ${batchSize} images, widths in multiples of ${roundTo}: each layer alone, ${dense.toFixed(1)} ms;`,
  );
  console.log(
    `${share.toFixed(3)} of the multiply-adds and ${(total(({ ms }) => ms[1]) / dense).toFixed(3)} of the time are left`,
  );
  console.log(
    '| layer | how many | of the dense time | time left | multiply-adds left | too much, of the dense time | inputs-outputs |',
  );
  console.log('|---|---|---|---|---|---|---|');
  for (const [kind, each] of [...kinds].sort(([, a], [, b]) => excess(b) - excess(a))) {
    const own = each.adds[0] > 0 ? (each.adds[1] / each.adds[0]).toFixed(2) : '';
    const shown = [each.ms[0] / dense, each.ms[1] / each.ms[0]].map((value) => value.toFixed(2));
    const rest = [(excess(each) / dense).toFixed(3), each.widths.slice(0, 3).join(', ')];
    console.log(`| ${[kind, each.count, ...shown, own, ...rest].join(' | ')} |`);
  }
}
