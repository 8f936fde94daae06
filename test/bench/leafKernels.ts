// Guards the speed of the register tiles: GFLOPS of the convolution kernels on one thread, and their share of the
// machine's peak.
//   node --import ./test/typescript.mjs test/bench/leafKernels.ts [wide|fma|plain] [rounds]
import * as tf from '@tensorflow/tfjs';
import { registerSimd } from 'sparsebook/backend/simd/register.js';
import { bestVariant, type Variant } from 'sparsebook/backend/simd/wasm.js';

const variant = (process.argv[2] ?? bestVariant()) as Variant;
const rounds = Number(process.argv[3] ?? 7);
const backend = registerSimd({ threads: 1, variant });
await tf.setBackend('simd');

/** Best of many: other work on the machine only ever slows a kernel down. */
function gigaflops(operations: number, run: () => void): number {
  let best = Infinity;
  for (let i = 0; i < rounds + 2; i++) {
    const start = performance.now();
    run();
    best = Math.min(best, performance.now() - start);
  }
  return operations / best / 1e6;
}

const spins = 2_000_000;
const scratch = backend.heap.allocate(256);
backend.heap.floats(scratch, 64).fill(1e-3);
const ceiling = gigaflops(spins * backend.rows * 8 * 2, () => void backend.pool.kernels.ceiling(spins, scratch));
console.log(`${variant}: ceiling of the registers alone ${ceiling.toFixed(1)} GFLOPS`);

/**
 * [image, input channels, output channels, kernel, stride]: the layers of GoogleNet and of the residual networks, then
 * the 1x1 layers of MobileNetV2; its depthwise layers have no number of output channels.
 */
const shapes: [number, number, number | undefined, number, number][] = [
  [32, 3, 64, 3, 1],
  [32, 64, 32, 1, 1],
  [32, 64, 16, 1, 1],
  [32, 32, 32, 3, 1],
  [32, 16, 12, 5, 1],
  [16, 96, 32, 1, 1],
  [16, 32, 48, 3, 1],
  [16, 16, 24, 5, 1],
  [16, 96, 192, 5, 1],
  [8, 48, 64, 3, 1],
  [8, 128, 64, 1, 1],
  [32, 16, 32, 3, 2],
  [8, 64, 64, 3, 1],
  [4, 128, 128, 3, 1],
  [2, 256, 256, 3, 1],
  [1, 512, 512, 3, 1],
  [32, 16, 96, 1, 1],
  [32, 144, 24, 1, 1],
  [16, 32, 192, 1, 1],
  [16, 192, 32, 1, 1],
  [8, 64, 384, 1, 1],
  [8, 576, 96, 1, 1],
  [4, 960, 160, 1, 1],
  [4, 320, 1280, 1, 1],
  [16, 64, 128, 1, 2],
  [32, 32, undefined, 3, 1],
  [32, 144, undefined, 3, 1],
  [32, 144, undefined, 3, 2],
  [16, 192, undefined, 3, 1],
  [16, 192, undefined, 3, 2],
  [8, 384, undefined, 3, 1],
  [4, 960, undefined, 3, 1],
  [16, 61, undefined, 3, 1],
  [16, 96, undefined, 5, 1],
];
const batch = 32;
console.log('image cin cout kernel stride   forward  backward input  backward filter   (GFLOPS, share of the ceiling)');
for (const [size, cin, cout, kernel, stride] of shapes) {
  const pad = kernel >> 1;
  const attributes = { strides: stride, pad, dataFormat: 'NHWC', dilations: 1 };
  const x = tf.randomNormal([batch, size, size, cin]);
  const filter = tf.randomNormal([kernel, kernel, cin, cout ?? 1]);
  const side = Math.floor((size + 2 * pad - kernel) / stride) + 1;
  const dy = tf.randomNormal([batch, side, side, cout ?? cin]);
  const operations = 2 * dy.size * (cout ? cin : 1) * kernel * kernel;
  const name = cout ? 'Conv2D' : 'DepthwiseConv2dNative';
  const kernels: [string, tf.NamedTensorMap, object][] = [
    [name, { x, filter }, {}],
    [`${name}BackpropInput`, { dy, filter }, { inputShape: x.shape }],
    [`${name}BackpropFilter`, { x, dy }, { filterShape: filter.shape }],
  ];
  const speeds = kernels.map(([name, inputs, more]) =>
    gigaflops(operations, () => {
      const result: tf.Tensor = tf.engine().runKernel(name, inputs, { ...attributes, ...more });
      backend.pointer(result); // some kernels defer their work until somebody reads the result
      result.dispose();
    }),
  );
  const shape = [size, cin, cout ?? '-', kernel, stride].map((n) => String(n).padStart(6)).join('');
  console.log(shape, speeds.map((s) => `${s.toFixed(1)} ${((100 * s) / ceiling).toFixed(0)}%`.padStart(14)).join(''));
  tf.dispose([x, filter, dy]);
}
