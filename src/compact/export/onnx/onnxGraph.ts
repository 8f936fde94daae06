import { onnxTypes } from './schema.js';

/** The attributes of an ONNX operator: whole numbers, lists of them, and floats, which are marked. */
export type OnnxAttributes = Record<string, number | readonly number[] | { float: number }>;

/** An ONNX graph in the making: operators in order, and the constants they read. */
export class OnnxGraph {
  readonly nodes: object[] = [];
  readonly initializers: object[] = [];
  private readonly used = new Set<string>();

  /** Adds an operator and returns the name of what it puts out, which begins with the name given. */
  add(opType: string, inputs: string[], name: string, attributes: OnnxAttributes = {}): string {
    const output = this.unique(name);
    const attribute = Object.entries(attributes).map(([name, value]) => {
      if (typeof value === 'number') return { name, i: value, type: onnxTypes.attributeInt };
      if ('float' in value) return { name, f: value.float, type: onnxTypes.attributeFloat };
      return { name, ints: value, type: onnxTypes.attributeInts };
    });
    this.nodes.push({ opType, input: inputs, output: [output], name: output, attribute });
    return output;
  }

  /** Adds a constant and returns its name. */
  constant(name: string, values: Float32Array | BigInt64Array, dims: number[]): string {
    const own = this.unique(name);
    const dataType = values instanceof Float32Array ? onnxTypes.float : onnxTypes.int64;
    const rawData = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    this.initializers.push({ name: own, dims, dataType, rawData });
    return own;
  }

  /** A name that nothing has yet. */
  unique(name: string): string {
    let own = name;
    for (let i = 2; this.used.has(own); i++) own = `${name}_${i}`;
    this.used.add(own);
    return own;
  }
}
