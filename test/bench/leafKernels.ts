// The guard of the register tiles: GFLOPS of the convolution kernels on one thread and their share of what the machine can do at all.
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

/** [image, input channels, output channels, kernel, stride]: the layers of GoogleNet, then of the residual networks. */
const shapes = [
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
] as const;
const batch = 32;
console.log(
  'image cin cout kernel stride   forward  backward input  backward filter   (GFLOPS, share of the ceiling)',
);
for (const [size, cin, cout, kernel, stride] of shapes) {
  const pad = kernel >> 1;
  const attributes = { strides: stride, pad, dataFormat: 'NHWC', dilations: 1 };
  const x = tf.randomNormal([batch, size, size, cin]);
  const filter = tf.randomNormal([kernel, kernel, cin, cout]);
  const dy = tf.tidy(() => tf.randomNormal(tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, stride, pad).shape));
  const operations = 2 * dy.size * cin * kernel * kernel;
  const kernels: [string, tf.NamedTensorMap, object][] = [
    ['Conv2D', { x, filter }, {}],
    ['Conv2DBackpropInput', { dy, filter }, { inputShape: x.shape }],
    ['Conv2DBackpropFilter', { x, dy }, { filterShape: filter.shape }],
  ];
  const speeds = kernels.map(([name, inputs, more]) =>
    gigaflops(operations, () => {
      const result: tf.Tensor = tf.engine().runKernel(name, inputs, { ...attributes, ...more });
      backend.pointer(result); // some kernels put their work off until somebody asks
      result.dispose();
    }),
  );
  const shape = [size, cin, cout, kernel, stride].map((n) => String(n).padStart(6)).join('');
  console.log(shape, speeds.map((s) => `${s.toFixed(1)} ${((100 * s) / ceiling).toFixed(0)}%`.padStart(14)).join(''));
  tf.dispose([x, filter, dy]);
}
