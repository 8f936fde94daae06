import * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';
import { checkNetwork, layerNames, leafLayers, type Layer } from './names.js';

/** One place in a network where a layer computes. */
export interface LayerNode {
  layer: Layer;
  /** The layer's name in this network (`layerNames`). */
  name: string;
  /** The places whose outputs it reads, in the order of its inputs; a place that is read twice is listed twice. */
  inputs: LayerNode[];
  /** For each of `inputs`, the index of the tensor that it reads. */
  reads: number[];
  /** The places that read it, each once. */
  readers: LayerNode[];
  inputShapes: tf.Shape[];
  outputShape: tf.Shape;
  /** How many tensors the layer outputs. */
  tensors: number;
  /** Whether its output is an output of the network. */
  output: boolean;
}

/** Which places of a network read which. */
export interface NetworkGraph<Node extends LayerNode = LayerNode> {
  model: tf.LayersModel;
  /** From input to output: every place comes after those that it reads. */
  nodes: Node[];
  /** The network's inputs and outputs, in its order. */
  inputs: Node[];
  outputs: Node[];
}

/** One of the tensors that a layer outputs at a place. */
interface Source {
  node: LayerNode;
  index: number;
}

/** One use of a nested network: what feeds its inputs, and its places found so far. */
interface Scope {
  fed: Map<tf.SymbolicTensor, Source>;
  known: Map<unknown, LayerNode>;
  nested: Map<unknown, Scope>;
}

const emptyScope = (): Scope => ({ fed: new Map(), known: new Map(), nested: new Map() });

/** The inputs of a network that no output depends on. */
export const unreadInputs = ({ inputs }: NetworkGraph): LayerNode[] =>
  inputs.filter(({ readers, output }) => readers.length === 0 && !output);

/**
 * Reads a network from its own outputs upwards, nested networks included. Its layers alone would not do: they know all
 * places where they were ever applied, in other networks too. A layer that is used twice has two places. Inputs that no
 * output depends on come last. Throws a UserError for anything other than a tf.LayersModel.
 */
export function networkGraph(model: tf.LayersModel): NetworkGraph {
  checkNetwork(model);
  const names = layerNames(model);
  const nodes: LayerNode[] = [];
  const resolve = (tensor: tf.SymbolicTensor, scope: Scope): Source => {
    const fed = scope.fed.get(tensor);
    if (fed) return fed;
    const layer = tensor.sourceLayer;
    const index = tensor.tensorIndex ?? 0;
    const place = layer.inboundNodes[tensor.nodeIndex];
    if (layer instanceof tf.LayersModel) {
      const inner = scope.nested.get(place) ?? emptyScope();
      scope.nested.set(place, inner);
      layer.inputs.forEach((input, i) => {
        if (!inner.fed.has(input)) inner.fed.set(input, resolve(place.inputTensors[i], scope));
      });
      return resolve(layer.outputs[index], inner);
    }
    const known = scope.known.get(place);
    if (known) return { node: known, index };
    const isInput = layer.getClassName() === 'InputLayer';
    const sources = isInput ? [] : place.inputTensors.map((input) => resolve(input, scope));
    const inputs = sources.map((source) => source.node);
    const node: LayerNode = {
      layer,
      name: names.get(layer) ?? layer.name,
      inputs,
      reads: sources.map((source) => source.index),
      readers: [],
      inputShapes: isInput ? [] : place.inputTensors.map(({ shape }) => shape),
      outputShape: place.outputTensors[0].shape,
      tensors: place.outputTensors.length,
      output: false,
    };
    for (const input of new Set(inputs)) input.readers.push(node);
    scope.known.set(place, node);
    nodes.push(node);
    return { node, index };
  };
  const scope = emptyScope();
  const outputs = model.outputs.map((tensor) => resolve(tensor, scope).node);
  for (const node of outputs) node.output = true;
  const inputs = model.inputs.map((tensor) => resolve(tensor, scope).node);
  return { model, nodes, inputs, outputs };
}

/**
 * Returns the place of a layer in a network. Throws a UserError for a layer that the network does not have, or uses
 * more than once.
 */
export function nodeOf(graph: NetworkGraph, layer: Layer): LayerNode {
  const places = graph.nodes.filter((node) => node.layer === layer);
  if (places.length === 1) return places[0];
  const kind = `${layer.name} (${layer.getClassName()})`;
  if (places.length === 0) throw new UserError(`${graph.model.name} has no layer ${kind}.`);
  throw new UserError(
    `The layer ${kind} must be used once; it is used ${places.length} times. Give each place a layer of its own.`,
  );
}

/** Returns the places of a graph in the order in which the network lists its layers. */
export function inLayerOrder<Node extends LayerNode>({ model, nodes }: NetworkGraph<Node>): Node[] {
  const order = new Map(leafLayers(model).map((layer, i) => [layer, i]));
  return nodes.toSorted((a, b) => (order.get(a.layer) ?? -1) - (order.get(b.layer) ?? -1));
}
