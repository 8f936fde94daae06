import { bordersOf, type Padding } from '../layers/padding.js';
import type { LayerNode } from './networkGraph.js';

/** How a window moves along one side of an image. */
export interface AxisWindow {
  /** Values the window covers, and the step between them. */
  size: number;
  dilation: number;
  stride: number;
  /** Border in front of and behind the image. */
  before: number;
  after: number;
  /** Length of the input and of the output. */
  input: number;
  output: number;
}

const pair = (value: unknown, otherwise: number): [number, number] => {
  if (Array.isArray(value)) return [value[0], value[1] ?? value[0]] as [number, number];
  return typeof value === 'number' ? [value, value] : [otherwise, otherwise];
};

/** Height and width of the output of a layer, [1, 1] if it is a vector. */
export function imageOf(shape: (number | null)[]): [number, number] {
  return shape.length === 4 ? [shape[1] ?? 0, shape[2] ?? 0] : [1, 1];
}

/** How the window of a convolution, pooling or zero padding moves over [N, H, W, C], down and across; 1 x 1 for a dense layer. */
export function windowsOf({ layer, inputShapes, outputShape }: LayerNode): [AxisWindow, AxisWindow] {
  const config = layer.getConfig();
  const size = pair(config.kernelSize ?? config.poolSize, 1);
  const stride = pair(config.strides ?? config.poolSize, 1);
  const dilation = pair(config.dilationRate, 1);
  // A zero padding is a window of one value with a border.
  const plain = layer.getClassName() === 'ZeroPadding2D';
  const padding = (config.padding ?? 'valid') as Padding;
  const input = imageOf(inputShapes[0]);
  const output = imageOf(outputShape);
  const axis = (a: 0 | 1): AxisWindow => {
    const extent = (size[a] - 1) * dilation[a] + 1;
    const [before, after] = bordersOf(input[a], extent, plain ? 1 : stride[a], padding, a);
    const places = { input: input[a], output: output[a], before, after };
    return { ...places, size: size[a], stride: plain ? 1 : stride[a], dilation: dilation[a] };
  };
  return [axis(0), axis(1)];
}
