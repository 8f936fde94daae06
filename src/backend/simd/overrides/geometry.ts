import * as tf from '@tensorflow/tfjs';

/** The attributes that tfjs gives its 2-D convolutions and pools. */
export interface WindowAttributes {
  strides: [number, number] | number;
  pad: 'valid' | 'same' | number | tf.backend_util.ExplicitPadding;
  dataFormat?: 'NHWC' | 'NCHW';
  dilations?: [number, number] | number;
  dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

/** A convolution as the kernels see it: x [batch, height, width, cin], y [batch, outHeight, outWidth, cout]. */
export interface Geometry {
  batch: number;
  height: number;
  width: number;
  cin: number;
  kernelHeight: number;
  kernelWidth: number;
  stride: number;
  top: number;
  left: number;
  outHeight: number;
  outWidth: number;
  cout: number;
}

/**
 * Returns the geometry of a convolution or depthwise convolution, or undefined where the fast kernels do not apply
 * (channels first, dilation, unequal strides).
 */
export function convolutionGeometry(
  xShape: number[],
  filterShape: number[],
  { strides, pad, dataFormat, dilations, dimRoundingMode }: WindowAttributes,
  depthwise = false,
): Geometry | undefined {
  if (dataFormat === 'NCHW') return undefined;
  const info = tf.backend_util.computeConv2DInfo(
    xShape as [number, number, number, number],
    filterShape as [number, number, number, number],
    strides,
    dilations ?? 1,
    pad,
    dimRoundingMode,
    depthwise,
  );
  if (info.dilationHeight !== 1 || info.dilationWidth !== 1 || info.strideHeight !== info.strideWidth) return undefined;
  if (info.outHeight < 1 || info.outWidth < 1 || info.inChannels !== filterShape[2]) return undefined;
  return {
    batch: info.batchSize,
    height: info.inHeight,
    width: info.inWidth,
    cin: info.inChannels,
    kernelHeight: info.filterHeight,
    kernelWidth: info.filterWidth,
    stride: info.strideHeight,
    top: info.padInfo.top,
    left: info.padInfo.left,
    outHeight: info.outHeight,
    outWidth: info.outWidth,
    cout: info.outChannels,
  };
}

/** Part of a kernel's taps along one axis: first, first + step, ... (count of them). */
export interface Taps {
  first: number;
  count: number;
  step: number;
}

/** All taps of a kernel along one axis. */
export const allTaps = (count: number): Taps => ({ first: 0, count, step: 1 });

/**
 * Leaves out the taps that see only padding (a 3x3 kernel on a 1x1 image has one that sees more), and returns the
 * padding before the first tap left: output o and tap i meet input o * stride - pad + i.
 */
function trimTaps(taps: Taps, pad: number, size: number, stride: number, outSize: number): { taps: Taps; pad: number } {
  let { first, count } = taps;
  while (count > 0 && (outSize - 1) * stride - pad < 0) {
    first += taps.step;
    count--;
    pad--;
  }
  while (count > 0 && count - 1 - pad >= size) count--;
  return { taps: { first, count, step: taps.step }, pad };
}

/**
 * Returns the taps of a kernel that see the image, and the geometry of a kernel of these taps; undefined if there are
 * none.
 */
export function seeingTaps(
  g: Geometry,
  rows: Taps,
  columns: Taps,
): { g: Geometry; rows: Taps; columns: Taps } | undefined {
  const down = trimTaps(rows, g.top, g.height, g.stride, g.outHeight);
  const across = trimTaps(columns, g.left, g.width, g.stride, g.outWidth);
  const [kernelHeight, kernelWidth] = [down.taps.count, across.taps.count];
  if (kernelHeight <= 0 || kernelWidth <= 0) return undefined;
  const left = { ...g, kernelHeight, kernelWidth, top: down.pad, left: across.pad };
  return { g: left, rows: down.taps, columns: across.taps };
}

/**
 * Returns the number of columns that the windows need in a zero-bordered copy of an image; 0 if no window crosses the
 * border.
 */
export function borderedColumns(g: Geometry): number {
  const height = (g.outHeight - 1) * g.stride + g.kernelHeight;
  const width = (g.outWidth - 1) * g.stride + g.kernelWidth;
  return g.top !== 0 || g.left !== 0 || height > g.height || width > g.width ? width : 0;
}

/**
 * Whether a direct convolution of many small images is better done position by position: image by image, many of its
 * tiles would be partly empty and many of its taps would see only padding.
 */
export function prefersPositions(g: Geometry): boolean {
  const { kernelHeight: rows, kernelWidth: columns } = g;
  const { batch, height, width, stride, top, left, outHeight, outWidth } = g;
  const pixels = outHeight * outWidth;
  if (batch < 4 * TILE || pixels > 16 || (rows === 1 && columns === 1 && pixels > 1)) return false;
  const seen = (size: number, pad: number, taps: number, out: number): number => {
    let count = 0;
    for (let o = 0; o < out; o++) {
      count += Math.max(0, Math.min(taps, size + pad - o * stride) - Math.max(0, pad - o * stride));
    }
    return count / (out * taps);
  };
  const full = pixels / (Math.ceil(pixels / TILE) * TILE);
  return full * seen(height, top, rows, outHeight) * seen(width, left, columns, outWidth) < 0.8;
}

/** About the number of pixels in a register tile. */
const TILE = 6;

/**
 * Whether Winograd's transforms are faster. They are for 3x3 and 5x5 kernels of stride 1 on images that hold whole
 * tiles, with enough channels to pay for the transforms, while the transformed filter fits in the cache. Gradients of
 * the output are transformed as images are, which takes 5 channels; a forward pass may allow `fewest`.
 */
export function prefersWinograd(g: Geometry, fewest = 5): boolean {
  const { kernelHeight: kernel, kernelWidth, stride, outHeight, outWidth, cin, cout } = g;
  if (kernel !== kernelWidth || (kernel !== 3 && kernel !== 5) || stride !== 1) return false;
  if (outHeight < 4 || outWidth < 4 || cin * cout > 256 * 256) return false;
  return kernel === 3 ? cin >= 6 && cout >= 9 && cin * cout >= 108 : cin >= 5 && cout >= fewest;
}

/** The geometry of a pool. */
export interface Pool {
  batch: number;
  /**
   * height, width, channels, window height and width, stride, top, left, output height and width: the arguments of
   * every pooling kernel.
   */
  args: number[];
  outShape: [number, number, number, number];
  outHeight: number;
}
