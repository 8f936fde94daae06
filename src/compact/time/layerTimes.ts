import * as tf from '@tensorflow/tfjs';
import { Random } from '../../backend/random.js';
import { check, wholeNumber } from '../../rules.js';
import type { Cell } from '../../formats/text.js';
import { channelGraph, lockedBecause } from '../../graph/channelGraph.js';
import type { ChannelGraph, ChannelMasks, ChannelNode } from '../../graph/channelGraph.js';
import { channelTies } from '../../graph/channelGroups.js';
import { measureLatencies, measureLatency, timeInTurns, type LatencyOptions } from '../report/latency.js';
import { rebuild } from '../shrink/rebuild.js';
import { zeroMap } from '../weights/channelValues.js';
import { networkWeights } from '../weights/layerWeights.js';
import { keptByMasks, sumOfLayers } from './keptByMasks.js';
import { digest, keepTimes, readTimes, timingMachine } from './keptTimes.js';
import { surroundings, unitModel, unitsOf, widthsOf, type Unit } from './units.js';
import { rising, widthGrid, type WholeTimes, type WidthTimes } from './widthTimes.js';

/** The times of a network's layers on this machine at all widths, and of the whole network at some: plain numbers. */
export interface LayerTimes {
  /** Backend, threads, processor and versions. */
  machine: string;
  /** The number of images per pass. */
  batchSize: number;
  /** By the description of the computation; a batch norm and an activation after a layer count with it. */
  layers: Record<string, WidthTimes>;
  /** Networks with more and more of their channels cut: the sum of the times of their layers, and the measured time. */
  networks: WholeTimes;
}

/** Options of `layerTimes`. */
export interface LayerTimesOptions extends Pick<LatencyOptions, 'signal' | 'now'> {
  /** The number of images per pass. Default 1. */
  batchSize?: number;
  /** Whether to repeat measurements that are already known. Default false. */
  again?: boolean;
  /** Called with the next thing to be measured, and how many of all measurements are done. */
  onProgress?: (progress: { what: string; done: number; all: number }) => void;
  /** The folder where times are stored. Default: data/times. */
  root?: string;
}

/**
 * Numbers of timed and warm-up passes for each layer and each whole network: short passes vary more, and run code that
 * is not yet compiled.
 */
export const passesFor = (batchSize: number): { layer: LatencyOptions; network: LatencyOptions } =>
  batchSize < 16
    ? { layer: { runs: 9, warmUp: 2 }, network: { runs: 100, warmUp: 15 } }
    : { layer: { runs: 5, warmUp: 1 }, network: { runs: 8, warmUp: 2 } };
/** Shares of channels that remain in the networks timed as a whole, and how many random draws there are of each. */
const shares = [1, 0.75, 0.5, 0.25, 0];
const draws = 2;

/**
 * Times of a network's layers on this machine, with the current backend and threads, by their numbers of input and
 * output channels: in compiled plans, if the backend has them. Missing times are measured, in about ten seconds to a
 * minute, and stored in data/times for any network with such layers.
 *
 * The times of single layers do not add up to that of the network: calls cost time, and a layer finds the output of the
 * one before it in the cache. So the network is also timed as a whole, with all of its channels and with fewer and
 * fewer, drawn at random.
 *
 * Throws a UserError for a layer whose channels cannot be followed, and the reason of `signal` if it is aborted;
 * measurements made until then are stored.
 */
export async function layerTimes(model: tf.LayersModel, options: LayerTimesOptions = {}): Promise<LayerTimes> {
  const { batchSize = 1, again = false, onProgress, root, ...timing } = options;
  check('batchSize', batchSize, wholeNumber({ min: 1 }));
  const graph = channelGraph(model);
  const known = await readTimes(root);
  const named = (what: string): string => `${batchSize} ${batchSize === 1 ? 'image' : 'images'}, ${what}`;
  const shapes = unitsByShape(graph);
  const layers: Record<string, WidthTimes> = {};
  let warm = false;
  for (const [shape, units] of shapes) {
    const most = mostOf(units);
    const kept = known.layers[named(shape)];
    if (!again && kept && covers(kept, most)) layers[shape] = kept;
    else {
      onProgress?.({ what: shape, done: Object.keys(layers).length, all: shapes.size + 1 });
      if (!warm) await measureLatency(model, batchSize, { ...passesFor(batchSize).network, ...timing });
      warm = true;
      layers[shape] = await timesOf(units[0], most, batchSize, timing);
      await keepTimes({ ...known, layers: { [named(shape)]: layers[shape] }, networks: {} }, root);
    }
  }
  const widths = unitsOf(graph).map((unit) => widthsOf(unit, allChannels));
  // The time of a whole network belongs to the layer times with which it was compared.
  const network = named(`${model.name} ${digest(JSON.stringify([widths, layers]))}`);
  let networks = again ? undefined : known.networks[network];
  if (!networks) {
    onProgress?.({ what: model.name, done: shapes.size, all: shapes.size + 1 });
    networks = await networkTimes(graph, { layers, batchSize }, timing);
    await keepTimes({ ...known, layers: {}, networks: { [network]: networks } }, root);
  }
  return { machine: timingMachine(), batchSize, layers, networks };
}

const allChannels = (node: ChannelNode): number => node.channels;

function unitsByShape(graph: ChannelGraph): Map<string, Unit[]> {
  const shapes = new Map<string, Unit[]>();
  for (const unit of unitsOf(graph)) shapes.set(unit.shape, [...(shapes.get(unit.shape) ?? []), unit]);
  return shapes;
}

/** The largest numbers of channels that some units read and output. */
function mostOf(units: readonly Unit[]): [inputs: number, outputs: number] {
  const widths = units.map((unit) => widthsOf(unit, allChannels));
  return [Math.max(...widths.map(([inputs]) => inputs)), Math.max(...widths.map(([, outputs]) => outputs))];
}

/** Whether the times cover a network's widths, up and down. */
function covers({ inputs, outputs }: WidthTimes, [mostInputs, mostOutputs]: [number, number]): boolean {
  const reaches = (grid: readonly number[], most: number): boolean =>
    grid.at(-1)! >= most && grid[0] <= widthGrid(most)[0];
  return reaches(inputs, mostInputs) && reaches(outputs, mostOutputs);
}

async function timesOf(
  unit: Unit,
  [mostInputs, mostOutputs]: [number, number],
  batchSize: number,
  timing: LatencyOptions,
): Promise<WidthTimes> {
  const [inputs, outputs] = [widthGrid(mostInputs), widthGrid(mostOutputs)];
  const ms: number[][] = [];
  // The surroundings of a layer depend on its outputs only if it outputs the channels that it reads.
  const around = unit.head.role === 'kernel' ? [outputs[0]] : outputs;
  for (const input of inputs) {
    const models = [
      ...around.map((output) => surroundings(unit, input, output)),
      ...outputs.map((output) => unitModel(unit, input, output)),
    ];
    try {
      const passes = await timeInTurns(models, batchSize, { ...passesFor(batchSize).layer, ...timing });
      // The fastest of the passes: this is a difference of short times, and other work on the machine only lengthens
      // them.
      const least = passes.map(({ times: [quickest] }) => quickest);
      const [without, own] = [least.slice(0, around.length), least.slice(around.length)];
      ms.push(own.map((quickest, i) => Math.max(0, quickest - without[i % without.length])));
    } finally {
      for (const model of models) model.dispose();
    }
  }
  return { inputs, outputs, ms };
}

/** Times a network with fewer and fewer channels, next to the sum of its layers' times: means over several draws. */
async function networkTimes(
  graph: ChannelGraph,
  times: Pick<LayerTimes, 'layers' | 'batchSize'>,
  timing: LatencyOptions,
): Promise<WholeTimes> {
  const sum = sumOfLayers(graph, times);
  const drawn = shares.flatMap((share) => {
    const isOne = share === 0 || share === 1;
    return Array.from({ length: isOne ? 1 : draws }, (_, draw) => ({ share, masks: drawnMasks(graph, share, draw) }));
  });
  const models = drawn.map(({ masks }) => shrunk(graph, masks));
  try {
    const latencies = await measureLatencies(models, times.batchSize, {
      ...passesFor(times.batchSize).network,
      ...timing,
    });
    const pairs = drawn.map(({ share, masks }, i) => ({ share, sum: sum(masks), whole: latencies[i].median }));
    return rising(
      shares.map((share) => {
        const own = pairs.filter((pair) => pair.share === share);
        const mean = (of: 'sum' | 'whole'): number => own.reduce((all, pair) => all + pair[of], 0) / own.length;
        return [mean('sum'), mean('whole')];
      }),
    );
  } finally {
    for (const model of models) model.dispose();
  }
}

/** Masks that keep a share of the channels, drawn at random; tied channels are kept or closed together. */
export function drawnMasks(graph: ChannelGraph, share: number, seed: number): ChannelMasks {
  const random = new Random(seed);
  const ties = channelTies(graph);
  const draws = Float64Array.from({ length: ties.size }, () => random.next());
  const kernels = graph.nodes.filter((node) => ['kernel', 'depthwise'].includes(node.role) && !lockedBecause(node));
  return new Map(
    kernels.map((node) => {
      const open = (_: unknown, c: number): number => (draws[ties.setOf(node, c)] < share ? 1 : 0);
      return [node.name, Float32Array.from({ length: node.channels }, open)];
    }),
  );
}

/**
 * The network that remains after masking, with the right widths only: its weights do not compute the same. The caller
 * disposes it.
 */
export function shrunk(graph: ChannelGraph, masks: ChannelMasks): tf.LayersModel {
  const weights = networkWeights(graph);
  weights.gates.clear();
  const constants = new Map(graph.nodes.map((node) => [node, zeroMap(node)]));
  return rebuild({ graph, weights, kept: keptByMasks(graph)(masks), constants, absorb: false, rule: 'exact' });
}

/** Times of layers as a table: a row for each kind of layer, with its times at the narrowest and widest. */
export function timeTable({ layers, batchSize, networks }: LayerTimes): Record<string, Cell>[] {
  const images = batchSize === 1 ? '1 image' : `${batchSize} images`;
  const [narrow, wide] = [`ms for ${images}, narrowest`, 'ms, widest'];
  const range = (widths: number[]): string => (widths.length > 1 ? `${widths[0]}-${widths.at(-1)}` : `${widths[0]}`);
  const shown = (ms: number): number => Number(ms.toPrecision(3));
  const rows = Object.entries(layers).map(([layer, { inputs, outputs, ms }]) => ({
    layer,
    inputs: inputs.at(-1) === 1 ? null : range(inputs),
    outputs: range(outputs),
    [narrow]: shown(ms[0][0]),
    [wide]: shown(ms.at(-1)!.at(-1)!),
  }));
  const [least, most] = [networks[0], networks.at(-1)!];
  return [
    ...rows,
    { layer: 'whole network', inputs: null, outputs: null, [narrow]: shown(least[1]), [wide]: shown(most[1]) },
  ];
}
