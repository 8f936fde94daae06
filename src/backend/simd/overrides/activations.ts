import * as tf from '@tensorflow/tfjs';
import type { SimdBackend } from '../simdBackend.js';
import { floats, isRecording, type FastKernel, type FastKernels, type Inputs, type OwnKernels } from './override.js';

/** The numbers by which kernels/activations.ts knows them. */
const OPERATIONS = { Sigmoid: 0, Tanh: 1, Elu: 2, LeakyRelu: 3, Erf: 4, ClipByValue: 5 } as const;
type Name = keyof typeof OPERATIONS;

/** Below this many values the plain kernel is as fast, and exact to the last bit. */
const FEW = 4096;
const GRAIN_VECTORS = 4096;

/** What tfjs calls the slope of leaky ReLU, and the bounds. */
interface Attributes {
  alpha?: number;
  clipValueMin?: number;
  clipValueMax?: number;
}

const numbersOf = ({ alpha, clipValueMin, clipValueMax }: Attributes): [least: number, most: number] => [
  alpha ?? clipValueMin ?? 0,
  clipValueMax ?? 0,
];

const sizeOf = ({ shape }: tf.TensorInfo): number => tf.util.sizeFromShape(shape);

function run(backend: SimdBackend, kernel: string, tensors: tf.TensorInfo[], numbers: [number, number, number]): void {
  const [operation, ...bounds] = numbers;
  const [n, pointers] = [sizeOf(tensors[0]), tensors.map((tensor) => backend.pointer(tensor))];
  backend.run(kernel, Math.ceil(n / 4), [operation, ...pointers, ...bounds, n], { grain: GRAIN_VECTORS });
}

function activation(name: Name): FastKernel<Attributes> {
  // Those that only choose and multiply give the plain kernel's bits, so that a plan may compute a few values so too.
  const exact = name === 'LeakyRelu' || name === 'ClipByValue';
  return (backend, { x }, attributes = {}) => {
    const n = sizeOf(x);
    if (!floats(x) || (n < FEW && !(exact && backend.recording))) return undefined;
    const y = backend.output(x.shape);
    run(backend, 'activate', [x, y], [OPERATIONS[name], ...numbersOf(attributes)]);
    return y;
  };
}

/** A softmax over the last axis, of few values too: a network's last layer must not keep the threads of a plan together. */
const softmax: FastKernel<{ dim: number }> = (backend, { logits }, { dim }) => {
  if (!floats(logits) || dim !== logits.shape.length - 1) return undefined;
  const y = backend.output(logits.shape);
  const n = logits.shape[dim];
  const args = [backend.pointer(logits), backend.pointer(y), n];
  backend.run('softmax', sizeOf(logits) / n, args, { grain: Math.ceil(FEW / n) });
  return y;
};

/** dx of dy and what tfjs saves for the gradient: the activation's output, or its input. */
function activationGradient(
  backend: SimdBackend,
  { dy, z }: Inputs,
  { name, ...attributes }: Attributes & { name: Name },
): tf.TensorInfo {
  const dx = backend.output(z.shape);
  run(backend, 'activationGradient', [dy, z, dx], [OPERATIONS[name], ...numbersOf(attributes)]);
  return dx;
}

/** The gradients of tfjs, which need several passes for them, with one in their place where it applies. */
export const activationGradients: tf.GradConfig[] = (Object.keys(OPERATIONS) as Name[]).map((name) => {
  const plain = tf.getGradient(name);
  const gradFunc: tf.GradFunc = (dys, saved, attributes) => {
    const [dy, z] = [dys as tf.Tensor, saved[0]];
    const fused = tf.getBackend() === 'simd' && !isRecording() && floats(dy, z) && z.size >= FEW;
    if (!fused) return plain.gradFunc(dys, saved, attributes);
    return { x: () => tf.engine().runKernel('SparsebookActivationGrad', { dy, z }, { ...attributes, name }) };
  };
  return { ...plain, gradFunc };
});

export const activations: FastKernels = {
  ...Object.fromEntries((Object.keys(OPERATIONS) as Name[]).map((name) => [name, activation(name)])),
  Softmax: softmax,
};

export const activationKernels: OwnKernels = { SparsebookActivationGrad: activationGradient };
