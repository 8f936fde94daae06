import * as tf from '@tensorflow/tfjs';
import protobuf from 'protobufjs/light.js';
import { whereReadable } from '../../backend/readable.js';
import { UserError } from '../../errors.js';
import { encoder, field, message, repeated } from '../../formats/protobuf.js';
import { weightOf, windowsOf } from '../../graph/kernels.js';
import { freeName } from '../../graph/names.js';
import type { LayerNode } from '../../graph/networkGraph.js';

/** The parts of ONNX's messages (onnx.proto, IR version 8) that we write. */
const root = protobuf.Root.fromJSON({
  nested: {
    ModelProto: message({
      irVersion: field('int64', 1),
      producerName: field('string', 2),
      graph: field('GraphProto', 7),
      opsetImport: repeated('OperatorSetIdProto', 8),
    }),
    OperatorSetIdProto: message({ domain: field('string', 1), version: field('int64', 2) }),
    GraphProto: message({
      node: repeated('NodeProto', 1),
      name: field('string', 2),
      initializer: repeated('TensorProto', 5),
      input: repeated('ValueInfoProto', 11),
      output: repeated('ValueInfoProto', 12),
    }),
    NodeProto: message({
      input: repeated('string', 1),
      output: repeated('string', 2),
      name: field('string', 3),
      opType: field('string', 4),
      attribute: repeated('AttributeProto', 5),
    }),
    AttributeProto: message({
      name: field('string', 1),
      f: field('float', 2),
      i: field('int64', 3),
      s: field('bytes', 4),
      ints: repeated('int64', 8),
      type: field('int32', 20),
    }),
    TensorProto: message({
      dims: repeated('int64', 1),
      dataType: field('int32', 2),
      name: field('string', 8),
      rawData: field('bytes', 9),
    }),
    ValueInfoProto: message({ name: field('string', 1), type: field('TypeProto', 2) }),
    TypeProto: message({ tensorType: field('TensorType', 1) }),
    TensorType: message({ elemType: field('int32', 1), shape: field('TensorShapeProto', 2) }),
    TensorShapeProto: message({ dim: repeated('Dimension', 1) }),
    Dimension: message({ dimValue: field('int64', 1), dimParam: field('string', 2) }),
  },
});

/** The operator set of ONNX 1.12, in files of IR version 8. */
const OPSET = 17;
const IR_VERSION = 8;
/** ONNX's codes for types of values. */
export const elemTypes = { float: 1, int8: 3, int32: 6, int64: 7 };

/** Element types of a constant: floats, signed bytes, whole numbers. */
type NumberKind = typeof Float32Array | typeof Int8Array | typeof Int32Array;
type Values = Float32Array | Int8Array | Int32Array | BigInt64Array;

function elemTypeOf(values: Values): number {
  if (values instanceof Float32Array) return elemTypes.float;
  if (values instanceof Int8Array) return elemTypes.int8;
  return values instanceof Int32Array ? elemTypes.int32 : elemTypes.int64;
}

const encodeModel = encoder(root, 'ModelProto');

/** The attributes of an operator: whole numbers, lists of them, texts, and floats, which are marked as such. */
export type OnnxAttributes = Record<string, number | readonly number[] | string | { float: number }>;

/** An attribute with ONNX's code for its type. */
function attributeOf([name, value]: [string, OnnxAttributes[string]]): object {
  if (typeof value === 'number') return { name, i: value, type: 2 };
  if (typeof value === 'string') return { name, s: Buffer.from(value), type: 3 };
  if ('float' in value) return { name, f: value.float, type: 1 };
  return { name, ints: value, type: 7 };
}

/** A graph being built: operators in order, the constants they read, inputs and outputs. */
export class OnnxGraph {
  private readonly node: object[] = [];
  private readonly initializer: object[] = [];
  private readonly input: object[] = [];
  private readonly output: object[] = [];
  private readonly used = new Set<string>();

  /** Adds an operator and returns the name of its output, which begins with the given name. An input '' is omitted. */
  add(opType: string, inputs: string[], name: string, attributes: OnnxAttributes = {}): string {
    const output = freeName(this.used, name);
    const attribute = Object.entries(attributes).map(attributeOf);
    this.node.push({ opType, input: inputs, output: [output], name: output, attribute });
    return output;
  }

  /** Adds a constant and returns its name. */
  constant(name: string, values: Values, dims: number[]): string {
    const own = freeName(this.used, name);
    const dataType = elemTypeOf(values);
    const rawData = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    this.initializer.push({ name: own, dims, dataType, rawData });
    return own;
  }

  /** Adds an input of the network, of any batch size, and returns its name. */
  addInput(name: string, shape: readonly (number | null)[], dtype: tf.DataType): string {
    const own = freeName(this.used, name);
    this.input.push(valueInfo(own, shape, dtype === 'int32' ? elemTypes.int32 : elemTypes.float));
    return own;
  }

  /** Makes the value of this name an output of the network. */
  addOutput(name: string, shape: readonly (number | null)[]): void {
    this.output.push(valueInfo(name, shape));
  }

  /** The bytes of an ONNX file with this graph. */
  encode(name: string): Uint8Array {
    const { node, initializer, input, output } = this;
    return encodeModel({
      irVersion: IR_VERSION,
      producerName: 'sparsebook',
      opsetImport: [{ domain: '', version: OPSET }],
      graph: { name, node, initializer, input, output },
    });
  }
}

/** The name and shape of an input or output; unknown sides have names, N for the batch size. */
function valueInfo(name: string, shape: readonly (number | null)[], elemType = elemTypes.float): object {
  const dim = shape.map((side, axis) => {
    if (axis === 0) return { dimParam: 'N' };
    return side === null ? { dimParam: `${name}_side${axis}` } : { dimValue: side };
  });
  return { name, type: { tensorType: { elemType, shape: { dim } } } };
}

/** Images are [N, C, H, W] in ONNX and [N, H, W, C] here; tensors of other ranks are the same in both. */
export const channelsFirst = [0, 3, 1, 2];
export const channelsLast = [0, 2, 3, 1];

/** One place of a network, where the operators of its layer are added to a graph. */
export class Place {
  readonly config: tf.serialization.ConfigDict;
  readonly rank: number;

  constructor(
    readonly graph: OnnxGraph,
    readonly node: LayerNode,
    /** The names of its inputs in the graph. */
    readonly inputs: string[],
  ) {
    this.config = node.layer.getConfig();
    this.rank = node.outputShape.length;
  }

  get x(): string {
    return this.inputs[0];
  }

  refusal(why: string): UserError {
    const { layer, name } = this.node;
    return new UserError(`The layer ${name} (${layer.getClassName()}) cannot be written as ONNX: ${why}.`);
  }

  add(opType: string, inputs: string[], attributes: OnnxAttributes = {}): string {
    return this.graph.add(opType, inputs, this.node.name, attributes);
  }

  /** Adds operators with one input, each applied to the output of the one before it. */
  chain(x: string, ...opTypes: string[]): string {
    return opTypes.reduce((y, opType) => this.add(opType, [y]), x);
  }

  /** Adds the tensor that `make` returns as a constant, with elements of the given kind. */
  tensor(part: string, make: () => tf.Tensor, kind: NumberKind = Float32Array): string {
    const { shape, values } = whereReadable(() =>
      tf.tidy(() => {
        const tensor = make();
        return { shape: tensor.shape, values: tensor.dataSync<'float32'>().slice() };
      }),
    );
    return this.graph.constant(`${this.node.name}/${part}`, kind.from(values), shape);
  }

  scalar(value: number): string {
    return this.tensor('value', () => tf.scalar(value));
  }

  /** A number, or one for each channel. */
  channelwise(given: unknown): string {
    const values = [given].flat();
    if (!values.every((value) => typeof value === 'number')) throw this.refusal(`it has ${JSON.stringify(given)}`);
    return this.tensor('value', () => tf.tensor(values, this.rank === 4 ? [1, values.length, 1, 1] : [values.length]));
  }

  integers(values: number[]): string {
    return this.graph.constant(`${this.node.name}/sides`, BigInt64Array.from(values, BigInt), [values.length]);
  }

  /** A weight of the layer, by the last part of its name, in the layout of ONNX. */
  weight(part: string, layout: (weight: tf.Tensor) => tf.Tensor = (weight) => weight): string {
    const weight = weightOf(this.node.layer, part);
    if (!weight) throw this.refusal(`it has no ${part}`);
    return this.tensor(part, () => layout(weight.read()));
  }

  bias(): string[] {
    return weightOf(this.node.layer, 'bias') ? [this.weight('bias')] : [];
  }

  /** Permutes the axes of images by `perm`. */
  transpose(x: string, rank: number, perm: number[]): string {
    return rank === 4 ? this.add('Transpose', [x], { perm }) : x;
  }

  /** The ONNX axis for one of our axes, which may count from the end and be the only element of a list. */
  axis(given: unknown): number {
    const [axis, ...more] = [given].flat<unknown[]>();
    if (!Number.isInteger(axis) || more.length > 0) throw this.refusal(`its axis is ${JSON.stringify(given)}`);
    const ours = (axis as number) < 0 ? (axis as number) + this.rank : (axis as number);
    return this.rank === 4 ? channelsFirst.indexOf(ours) : ours;
  }

  /** The size, strides and padding of a convolution's or pooling's window. */
  window(): Record<'kernel_shape' | 'strides' | 'pads', number[]> {
    const [down, across] = windowsOf(this.node);
    const unknown = this.node.inputShapes[0].slice(1).includes(null);
    if (unknown && this.config.padding === 'same' && (down.stride > 1 || across.stride > 1)) {
      throw this.refusal('the border of its padding follows from a size of images that is not known');
    }
    return {
      kernel_shape: [down.size, across.size],
      strides: [down.stride, across.stride],
      pads: [down.before, across.before, down.after, across.after],
    };
  }

  dilations(): { dilations: number[] } {
    return { dilations: windowsOf(this.node).map(({ dilation }) => dilation) };
  }
}
