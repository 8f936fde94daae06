import type * as tf from '@tensorflow/tfjs';
import type { ChannelMasks } from '../../models/channelMasks.js';
import { channelGraph } from '../../graph/channelGraph.js';
import { kernelGeometry } from '../../graph/kernels.js';
import type { Layer } from '../../graph/names.js';
import { inLayerOrder } from '../../graph/networkGraph.js';
import { countOpen, openChannels } from './openChannels.js';

/** What one layer costs once its closed channels and those of its inputs are cut away. */
export interface LayerCost {
  layer: string;
  /** Open input channels (of a dense layer: open inputs) and open output channels. */
  inputs: number;
  outputs: number;
  /** Values that training changes: kernel, bias, gamma, beta, bias map. Gates are not counted. */
  parameters: number;
  /** Running means and variances. */
  runningValues: number;
  /** Multiply-adds of the kernel per image; biases and batch norm, which folds into the kernel, are not counted. */
  multiplyAdds: number;
}

/** How many values a channel has in a layer without a kernel: those that training changes, and running statistics. */
function valuesPerChannel(layer: Layer): { parameters: number; runningValues: number } {
  const values = { parameters: 0, runningValues: 0 };
  for (const { originalName, shape } of layer.weights) {
    const perChannel = (shape.slice(0, -1) as number[]).reduce((product, side) => product * side, 1);
    values[/\/moving_?(mean|variance)$/i.test(originalName) ? 'runningValues' : 'parameters'] += perChannel;
  }
  return values;
}

/** The cost of every layer with weights but gates, in the model's order; without masks, of the whole network. */
export function layerCosts(model: tf.LayersModel, masks: ChannelMasks = new Map()): LayerCost[] {
  const graph = channelGraph(model);
  const open = openChannels(graph, masks);
  return inLayerOrder(graph).flatMap(({ layer, name, inputs: sources, outputShape }): LayerCost[] => {
    const inputs = sources.reduce((n, source) => n + countOpen(open.get(source.name) ?? []), 0);
    const outputs = countOpen(open.get(name) ?? []);
    const kernel = kernelGeometry(layer, outputShape);
    if (kernel) {
      const entries = kernel.window * inputs * outputs;
      const parameters = entries + (kernel.bias ? outputs : 0);
      const multiplyAdds = entries * kernel.positions;
      return [{ layer: name, inputs, outputs, parameters, runningValues: 0, multiplyAdds }];
    }
    if (layer.weights.length === 0 || layer.getClassName() === 'L0Gate') return [];
    const { parameters, runningValues } = valuesPerChannel(layer);
    const totals = { parameters: parameters * outputs, runningValues: runningValues * outputs };
    return [{ layer: name, inputs, outputs, ...totals, multiplyAdds: 0 }];
  });
}
