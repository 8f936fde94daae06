import type { TensorInfo } from '@tensorflow/tfjs';
import type { Relu } from '../../fusedOps.js';
import type { SimdBackend } from '../simdBackend.js';
import { borderedColumns, prefersPositions, seeingTaps, type Geometry, type Taps } from './geometry.js';

/** A filter [height, width, cin, cout] on the heap; transposed exchanges cin and cout. */
export interface Filter {
  pointer: number;
  height: number;
  width: number;
  cin: number;
  cout: number;
  transposed: boolean;
  /** Address of one factor per output channel. */
  scale?: number;
  /** The tensor that keeps its packed form for the next time, under a key that says what else the form depends on. */
  kept?: { tensor: TensorInfo; key: string };
}

/** A whole convolution: y = relu?(x * filter + bias), `row` floats from one pixel of y to the next. */
export interface Whole {
  g: Geometry;
  x: number;
  filter: Filter;
  bias: number;
  relu: Relu;
  y: number;
  row: number;
}

/**
 * One pass of the direct kernel: `g` is its geometry, the taps say which part of the filter it uses. If the address
 * `bias` is 0, the result is added to y.
 */
export interface ConvolutionPass extends Omit<Whole, 'row'> {
  rows: Taps;
  columns: Taps;
  /** Floats from one image, row and pixel of the output to the next. */
  step: { image: number; row: number; pixel: number };
}

/** The most bytes of a zero-bordered band: they fit well within a core's cache. */
const BAND_BYTES = 512 * 1024;
/** The most bytes of a block of tiles in Winograd's domain, which fit as well. */
const WINOGRAD_BYTES = 400_000;
/** The size in bytes from which a filter in Winograd's domain no longer fits in a core's cache. */
const LARGE_FILTER = 4 * 2 ** 20;

/**
 * Returns the pass without the taps that see only padding, or undefined if none sees the image: the output is then the
 * bias.
 */
export function trimPass(pass: ConvolutionPass): ConvolutionPass | undefined {
  const seeing = seeingTaps(pass.g, pass.rows, pass.columns);
  return seeing && { ...pass, ...seeing };
}

/**
 * Treats the images of a 1x1 convolution as one, since it only needs rows of pixels: more of them make fuller tiles.
 */
function flatten({ g, step, ...rest }: ConvolutionPass): ConvolutionPass {
  const pointwise = g.kernelHeight === 1 && g.kernelWidth === 1 && g.stride === 1 && g.top === 0 && g.left === 0;
  const whole = g.outHeight === g.height && g.outWidth === g.width;
  const dense = step.row === step.pixel * g.outWidth && step.image === step.row * g.outHeight;
  if (pointwise && whole && dense) {
    const height = g.batch * g.height;
    g = { ...g, batch: 1, height, outHeight: height };
    step = { ...step, image: 0 };
  }
  return { g, step, ...rest };
}

/** Runs a direct convolution (a trimmed pass). */
export function convolveDirect(backend: SimdBackend, pass: ConvolutionPass): void {
  const flat = flatten(pass);
  if (prefersPositions(flat.g)) convolvePositions(backend, flat);
  else convolveBands(backend, flat, pass.g.batch);
}

/**
 * Calls `use` with a filter that `pack` has laid out in `bytes` bytes for the kernels, and with space for `offsets`
 * table entries. A `kept` filter is laid out once and stays with its tensor; `form` names the layout.
 */
export function withPacked(
  backend: SimdBackend,
  filter: Filter,
  { form, bytes, offsets }: { form: string; bytes: number; offsets: number },
  pack: (filter: number, to: number) => void,
  use: (packed: number, offsets: number) => void,
): void {
  const { kept, width, cin, cout } = filter;
  const shape = [width, cin, cout].join();
  const fill = (to: number): void => withScaled(backend, filter, (scaled) => pack(scaled, to));
  backend.withBlock(offsets * 4 + (kept ? 0 : bytes), (block) => {
    if (kept) return use(backend.derived(kept.tensor, `${form} ${shape} ${kept.key}`, bytes, fill), block);
    fill(block);
    use(block, block + bytes);
  });
}

function withScaled(backend: SimdBackend, filter: Filter, use: (pointer: number) => void): void {
  const { pointer, height, width, cin, cout, scale } = filter;
  if (scale === undefined) return use(pointer);
  const rows = height * width * cin;
  const MULTIPLY = 2;
  backend.withBlock(rows * cout * 4, (to) => {
    const args = [MULTIPLY, pointer, scale, to, rows, cout];
    backend.run('binary', rows, args, { grain: Math.ceil(16384 / cout), apart: true });
    use(to);
  });
}

/** Calls `run` with the packed filter of a pass and space for `offsets` table entries. */
function withPackedFilter(
  backend: SimdBackend,
  { g, filter, rows, columns }: ConvolutionPass,
  offsets: number,
  run: (packed: number, offsets: number) => void,
): void {
  const panels = Math.ceil(g.cout / 8);
  const k = rows.count * columns.count * g.cin;
  const { width, cin, cout, transposed } = filter;
  const taps = [rows.first, rows.count, columns.first, columns.count, rows.step, Number(transposed)];
  const pack = (pointer: number, to: number): void =>
    backend.run('packFilter', panels, [pointer, to, width, cin, cout, ...taps], {
      grain: Math.ceil(4096 / k),
      apart: true,
    });
  withPacked(backend, filter, { form: `taps ${taps.join()}`, bytes: panels * k * 8 * 4, offsets }, pack, run);
}

/** Images to convolve each time the packed filter is read. */
const IMAGES = 48;

function convolvePositions(backend: SimdBackend, pass: ConvolutionPass): void {
  const { g, x, bias, relu, y, step } = pass;
  withPackedFilter(backend, pass, g.kernelWidth * g.cin, (packed, offsets) => {
    backend.pool.kernels.pixelOffsets(offsets, 1, 1, g.kernelWidth * g.cin, 1, 0, 0, 1);
    const groups = Math.ceil(g.batch / IMAGES);
    const window = [g.top, g.left, g.kernelHeight, g.kernelWidth, g.stride, g.outWidth, g.cout];
    const out = [step.image * 4, step.row * 4, step.pixel * 4, Number(relu), IMAGES, groups];
    const args = [x, packed, bias, y, offsets, g.batch, g.height, g.width, g.cin, ...window, ...out];
    backend.run('convolvePositions', groups * g.outHeight * g.outWidth, args, { scratch: 1024 });
  });
}

/**
 * Cuts an image into bands of output rows: enough for all threads, and small enough for the cache if they have to be
 * copied (`columns` > 0). If g joins many `images` into one, a band is one of them.
 */
export function bandsOf(
  backend: SimdBackend,
  g: Geometry,
  columns: number,
  images = g.batch,
): { bandRows: number; bands: number; bandBytes: number } {
  const rowBytes = 4 * g.cin * g.stride * (columns || g.width);
  const fitting = columns ? Math.max(1, Math.floor(BAND_BYTES / rowBytes)) : g.outHeight;
  const fewest = 4 * backend.pool.threads;
  const wanted = images > g.batch && images >= fewest ? images : Math.ceil(fewest / g.batch);
  const bandRows = Math.max(1, Math.min(fitting, Math.ceil(g.outHeight / wanted)));
  const bandBytes = 4 * ((bandRows - 1) * g.stride + g.kernelHeight) * columns * g.cin;
  return { bandRows, bands: Math.ceil(g.outHeight / bandRows), bandBytes };
}

function convolveBands(backend: SimdBackend, pass: ConvolutionPass, images: number): void {
  const { g, x, bias, relu, y, step } = pass;
  const { kernelHeight, kernelWidth } = g;
  const bandColumns = borderedColumns(g);
  const k = kernelHeight * kernelWidth * g.cin;
  const { bandRows, bands, bandBytes } = bandsOf(backend, g, bandColumns, images);
  withPackedFilter(backend, pass, k, (packed, offsets) => {
    const pitch = g.cin * (bandColumns || g.width);
    backend.pool.kernels.pixelOffsets(offsets, 1, kernelHeight, kernelWidth * g.cin, 1, pitch, 0, 1);
    const window = [g.top, g.left, bandColumns, kernelHeight, kernelWidth, g.stride];
    const out = [g.outHeight, g.outWidth, g.cout, step.image * 4, step.row * 4, step.pixel * 4, Number(relu)];
    backend.run(
      'convolve',
      g.batch * bands,
      [x, packed, bias, y, offsets, g.height, g.width, g.cin, ...window, ...out, bandRows, bands],
      { scratch: 1024 + bandBytes, images },
    );
  });
}

/**
 * Returns the number of tiles to transform at a time: the most for which both sets of planes fit in the cache. A filter
 * of at least `large` bytes in Winograd's domain leaves the cache between two blocks, so blocks are larger and it is
 * read less often.
 */
export function winogradBlock({ kernelHeight, cin, cout }: Geometry, large = LARGE_FILTER): number {
  if (planes(kernelHeight) * 4 * cin * cout >= large) return 48;
  const fitting = Math.floor(WINOGRAD_BYTES / (planes(kernelHeight) * 4 * (cin + cout)));
  return Math.max(6, Math.min(30, Math.floor(fitting / 6) * 6));
}

/** The number of matrices in Winograd's domain: one per point of a tile of 4x4 outputs. */
export function planes(kernel: number): number {
  return (kernel + 3) ** 2;
}

/** Returns the bytes of private memory that Winograd's kernels need for a block of tiles. */
export function winogradScratch({ kernelHeight, cin, cout }: Geometry, block: number): number {
  const [a, b] = [cin + 3, cout + 7];
  return 512 + 2048 + planes(kernelHeight) * 4 * (Math.max(a, b) + block * (a + b)) + 1024;
}

/** Runs a 3x3 or 5x5 convolution of stride 1 in Winograd's domain. */
export function convolveWinograd(backend: SimdBackend, { g, x, filter, bias, relu, y, row }: Whole): void {
  const panels = Math.ceil(g.cout / 8);
  const kernel = g.kernelHeight;
  const block = winogradBlock(g);
  const { cin, cout, transposed } = filter;
  const pack = (pointer: number, to: number): void =>
    backend.run('winogradFilter', panels, [pointer, to, kernel, cin, cout, Number(transposed)], {
      scratch: 4096,
      apart: true,
    });
  const bytes = planes(kernel) * 4 * g.cin * panels * 8;
  withPacked(backend, filter, { form: 'winograd', bytes, offsets: g.cin }, pack, (u, offsets) => {
    backend.pool.kernels.pixelOffsets(offsets, 1, 1, g.cin, 1, 0, 0, 1);
    const ends = [bias, Number(relu), backend.zeros, y, row * 4, offsets];
    const shape = [g.height, g.width, g.cin, kernel, g.top, g.left, g.outHeight, g.outWidth, g.cout];
    const options = { scratch: winogradScratch(g, block), images: g.batch };
    backend.run('winogradConvolve', g.batch, [x, u, ...ends, ...shape, block], options);
  });
}
