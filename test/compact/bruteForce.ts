// The kept channels by brute force: flags of single channels, passed on from layer to layer again and again until none
// changes, by rules written down for each class of layer anew.
import type * as tf from '@tensorflow/tfjs';
import type { L0Gate } from 'sparsebook/layers';

export interface BruteForceCount {
  kernelEntries: number;
  multiplyAdds: number;
  normChannels: number;
  width: Record<string, number>;
}

interface Place {
  layer: tf.layers.Layer;
  inputs: string[];
  width: number;
}

/** The squares of each filter, summed: of the channels that could be a layer's last, the one with the largest stays. */
export function squares(model: tf.LayersModel): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { name, weights } of model.layers) {
    const kernel = weights.find(({ originalName }) => originalName.endsWith('/kernel'))?.read();
    const width = kernel?.shape.at(-1) ?? 1;
    kernel?.dataSync().forEach((value, i) => {
      const channel = `${name} ${i % width}`;
      sums.set(channel, (sums.get(channel) ?? 0) + value * value);
    });
  }
  return sums;
}

/** Counts what a network needs; its masks have been applied to it. `filters` are the squares from before. */
export function bruteForce(model: tf.LayersModel, filters: Map<string, number>): BruteForceCount {
  const places = new Map<string, Place>();
  for (const layer of model.layers) {
    const inputs = layer.inboundNodes[0].inboundLayers.map(({ name }) => name);
    places.set(layer.name, { layer, inputs, width: (layer.outputShape as number[]).at(-1)! });
  }
  const output = model.outputs[0].sourceLayer.name;
  const id = (name: string, c: number): string => `${name} ${c}`;
  const channels = (name: string): number[] => [...Array(places.get(name)!.width).keys()];
  const kind = (name: string): string => places.get(name)!.layer.getClassName();
  const isKernel = (name: string): boolean => ['Conv2d', 'Conv2D', 'Dense'].includes(kind(name));

  /** The pairs (input channel, output channel) of a layer through which a value can pass. */
  const wires = (name: string): { from: string; to: string; inputs: string[] }[] => {
    const { layer, inputs } = places.get(name)!;
    if (isKernel(name)) {
      const kernel = layer.getWeights()[0];
      const [m, n] = kernel.shape.slice(-2);
      const values = kernel.dataSync();
      const linked = new Set<string>();
      values.forEach((value, i) => value !== 0 && linked.add(`${Math.floor(i / n) % m} ${i % n}`));
      return [...linked].map((pair) => {
        const [c, o] = pair.split(' ').map(Number);
        return { from: id(inputs[0], c), to: id(name, o), inputs };
      });
    }
    const blocked = (c: number): boolean => {
      if (kind(name) === 'L0Gate') return (layer as L0Gate).inferenceMask().dataSync()[c] === 0;
      const gamma = layer.weights.find(({ originalName }) => originalName.endsWith('/gamma'));
      return gamma?.read().dataSync()[c] === 0;
    };
    const open = (c: number): boolean => !blocked(c);
    if (kind(name) === 'Concatenate') {
      const all = inputs.flatMap((input) => channels(input).map((c) => id(input, c)));
      return all.map((from, c) => ({ from, to: id(name, c), inputs }));
    }
    if (kind(name) === 'Softmax') {
      return channels(name).flatMap((c) =>
        channels(name).map((o) => ({ from: id(inputs[0], c), to: id(name, o), inputs })),
      );
    }
    if (kind(name) === 'Flatten') {
      const { width } = places.get(inputs[0])!;
      return channels(name).map((c) => ({ from: id(inputs[0], c % width), to: id(name, c), inputs }));
    }
    return inputs.flatMap((input) =>
      channels(name)
        .filter(open)
        .map((c) => ({ from: id(input, c), to: id(name, c), inputs })),
    );
  };

  const all = [...places.keys()].filter((name) => kind(name) !== 'InputLayer').flatMap((name) => wires(name));
  const spread = (start: string[], links: [string, string][]): Set<string> => {
    const reached = new Set(start);
    for (let before = -1; before !== reached.size;) {
      before = reached.size;
      for (const [from, to] of links) if (reached.has(from)) reached.add(to);
    }
    return reached;
  };
  const image = model.inputs[0].sourceLayer.name;
  const imageChannels = channels(image).map((c) => id(image, c));
  const outputs = channels(output).map((c) => id(output, c));
  const live = spread(
    imageChannels,
    all.map(({ from, to }) => [from, to]),
  );
  const needed = spread(
    outputs,
    all.map(({ from, to }) => [to, from]),
  );

  // Channels that are one: whatever goes through a layer one by one, gamma 0 or not, but for summands without life.
  const lifeless = (name: string): boolean => channels(name).every((c) => !live.has(id(name, c)));
  const ties: [string, string][] = [];
  for (const [name, { inputs }] of places) {
    if (isKernel(name) || inputs.length === 0) continue;
    let offset = 0;
    for (const [i, input] of inputs.entries()) {
      const leftOut = kind(name) === 'Add' && lifeless(input) && !(lifeless(name) && i === 0);
      for (const c of channels(input)) {
        if (kind(name) === 'Flatten') {
          for (const o of channels(name))
            if (o % places.get(input)!.width === c) ties.push([id(input, c), id(name, o)]);
        } else if (!leftOut) ties.push([id(input, c), id(name, c + (kind(name) === 'Concatenate' ? offset : 0))]);
      }
      offset += places.get(input)!.width;
    }
  }
  const both = ties.flatMap(([a, b]): [string, string][] => [
    [a, b],
    [b, a],
  ]);
  let kept = spread([...[...live].filter((channel) => needed.has(channel)), ...imageChannels, ...outputs], both);
  const count = (name: string): number => channels(name).filter((c) => kept.has(id(name, c))).length;
  const inputOf = (name: string): string => places.get(name)!.inputs[0];
  const starving = (): string | undefined =>
    [...places.keys()].find((name) => isKernel(name) && count(name) > 0 && count(inputOf(name)) === 0);
  for (let name = starving(); name !== undefined; name = starving()) {
    const candidates = channels(inputOf(name)).map((c) => spread([id(inputOf(name), c)], both));
    const sizes = candidates.map((one) => [...one].reduce((sum, channel) => sum + (filters.get(channel) ?? 0), 0));
    kept = new Set([...kept, ...candidates[sizes.indexOf(Math.max(...sizes))]]);
  }

  const total: BruteForceCount = { kernelEntries: 0, multiplyAdds: 0, normChannels: 0, width: {} };
  for (const [name, { layer, inputs }] of places) {
    if (isKernel(name)) {
      const window = layer
        .getWeights()[0]
        .shape.slice(0, -2)
        .reduce((product, side) => product * side, 1);
      const positions = (layer.outputShape as number[]).slice(1, -1).reduce((product, side) => product * side, 1);
      const entries = window * count(inputs[0]) * count(name);
      total.kernelEntries += entries;
      total.multiplyAdds += entries * positions;
      if (count(name) > 0) total.width[name] = count(name);
    } else if (kind(name).startsWith('BatchNorm')) total.normChannels += count(name);
  }
  return total;
}
