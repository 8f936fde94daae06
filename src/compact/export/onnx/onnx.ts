import type * as tf from '@tensorflow/tfjs';
import { writeFileWhole, type FileKind } from '../../../platform/writeFile.js';
import { channelGraph, type ChannelNode } from '../../../graph/channelGraph.js';
import { networkWeights } from '../../weights/layerWeights.js';
import { OnnxGraph } from './onnxGraph.js';
import { addOperators, toChannelsFirst, toChannelsLast } from './operators.js';
import { encodeModelProto, onnxTypes } from './schema.js';

/** Operators as ONNX 1.12 has them, in files of IR version 8. */
const OPSET = 17;
const IR_VERSION = 8;

const valueInfo = (name: string, [, ...sides]: (number | null)[]): object => ({
  name,
  type: {
    tensorType: {
      elemType: onnxTypes.float,
      shape: { dim: [{ dimParam: 'N' }, ...sides.map((side) => ({ dimValue: side ?? 0 }))] },
    },
  },
});

/**
 * A network at inference as the bytes of an ONNX file. Inputs and outputs are named as the layers are and keep our order,
 * images [N, H, W, C]; inside it is channels first. Gates are multiplications by their masks.
 *
 * Throws a UserError for a layer whose channels cannot be followed, or that has no operator in ONNX.
 */
export function encodeOnnx(model: tf.LayersModel): Uint8Array {
  const channels = channelGraph(model);
  const weights = networkWeights(channels);
  const graph = new OnnxGraph();
  const names = new Map<ChannelNode, string>();
  const input: object[] = [];
  const isImage = ({ outputShape }: ChannelNode): boolean => outputShape.length === 4;
  for (const node of channels.inputs) {
    const { name } = node;
    const own = graph.unique(name);
    input.push(valueInfo(own, node.outputShape));
    const channelsFirst = (): string =>
      graph.add('Transpose', [own], `${name}_channels_first`, { perm: toChannelsFirst });
    names.set(node, isImage(node) ? channelsFirst() : own);
  }
  for (const node of channels.nodes.filter(({ role }) => role !== 'input')) {
    const inputs = node.inputs.map((from) => names.get(from) ?? from.name);
    names.set(node, addOperators(graph, node, inputs, weights));
  }
  const output = channels.outputs.map((node) => {
    const x = names.get(node) ?? node.name;
    const own = `${node.name}_output`;
    return valueInfo(
      isImage(node) ? graph.add('Transpose', [x], own, { perm: toChannelsLast }) : graph.add('Identity', [x], own),
      node.outputShape,
    );
  });
  return encodeModelProto({
    irVersion: IR_VERSION,
    producerName: 'sparsebook',
    opsetImport: [{ domain: '', version: OPSET }],
    graph: { name: model.name, node: graph.nodes, initializer: graph.initializers, input, output },
  });
}

/** An ONNX file begins with the field that holds its version. */
export const onnxFile: FileKind = { name: 'an ONNX file', isOne: (head) => head[0] === 0x08 && head[1] < 0x80 };

/** Saves a network as an ONNX file; what `encodeOnnx` says holds here too. */
export async function saveOnnx(model: tf.LayersModel, path: string): Promise<void> {
  await writeFileWhole(path, encodeOnnx(model), onnxFile);
}
