import * as tf from '@tensorflow/tfjs';
import type { SimdBackend } from '../simdBackend.js';
import { runDense } from './elementwise.js';
import type { Inputs } from '../kernelCall.js';
import { floats, inOnePass, type FastKernel, type FastKernels, type OwnKernels } from './override.js';

/** Activations that tfjs has kernels for, with their numbers in kernels/activations.ts. */
const OF_TFJS = {
  Sigmoid: 0,
  Tanh: 1,
  Elu: 2,
  LeakyRelu: 3,
  Erf: 4,
  ClipByValue: 5,
  Selu: 6,
  Softplus: 7,
} as const;
/** Activations of our layers: fast even for few values, since a plain kernel would keep a plan's threads together. */
const OF_LAYERS = { SparsebookSigmoid: 0, SparsebookSwish: 8, SparsebookGelu: 9 } as const;
const OPERATIONS = { ...OF_TFJS, ...OF_LAYERS };
type Name = keyof typeof OPERATIONS;

/** Below this many values the plain kernel is as fast, and exact to the last bit. */
const FEW = 4096;

/** tfjs's names for the slope of leaky ReLU and the bounds of a clip. */
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

function activate(backend: SimdBackend, x: tf.TensorInfo, name: Name, attributes: Attributes = {}): tf.TensorInfo {
  const y = backend.output(x.shape);
  const pointers = [x, y].map((tensor) => backend.pointer(tensor));
  runDense(backend, 'activate', [OPERATIONS[name], ...pointers, ...numbersOf(attributes)], sizeOf(x));
  return y;
}

function activation(name: Name): FastKernel<Attributes> {
  // These only choose and multiply, with the same bits as the plain kernel, so a plan may use them for few values too.
  const exact = name === 'LeakyRelu' || name === 'ClipByValue';
  return (backend, { x }, attributes) => {
    if (!floats(x) || (sizeOf(x) < FEW && !(exact && backend.recording))) return undefined;
    return activate(backend, x, name, attributes);
  };
}

/** A softmax over the last axis; fast even for few values, like the activations of our layers. */
const softmax: FastKernel<{ dim: number }> = (backend, { logits }, { dim }) => {
  if (!floats(logits) || dim < 0 || dim !== logits.shape.length - 1) return undefined;
  const y = backend.output(logits.shape);
  const n = logits.shape[dim];
  const args = [backend.pointer(logits), backend.pointer(y), n];
  backend.run('softmax', sizeOf(logits) / n, args, { grain: Math.ceil(FEW / n) });
  return y;
};

/** Computes dx from dy and the tensor that tfjs saves for the gradient: the activation's output or its input. */
function activationGradient(
  backend: SimdBackend,
  { dy, z }: Inputs,
  { name, ...attributes }: Attributes & { name: Name },
): tf.TensorInfo {
  const dx = backend.output(z.shape);
  const pointers = [dy, z, dx].map((tensor) => backend.pointer(tensor));
  runDense(backend, 'activationGradient', [OPERATIONS[name], ...pointers, ...numbersOf(attributes)], sizeOf(z));
  return dx;
}

/**
 * Gradients of activations that tfjs has no kernel for, composed of operations that can be differentiated themselves.
 */
const composed: tf.GradConfig[] = [
  {
    kernelName: 'SparsebookSigmoid',
    outputsToSave: [true],
    gradFunc: (dy, [y]) => ({ x: () => y.mul(y.neg().add(1)).mul(dy as tf.Tensor) }),
  },
  {
    kernelName: 'SparsebookSwish',
    inputsToSave: ['x'],
    gradFunc: (dy, [x]) => ({
      x: () =>
        x
          .sigmoid()
          .mul(x.mul(x.neg().sigmoid()).add(1))
          .mul(dy as tf.Tensor),
    }),
  },
  {
    kernelName: 'SparsebookGelu',
    inputsToSave: ['x'],
    gradFunc: (dy, [x]) => {
      const below = (): tf.Tensor => x.mul(Math.SQRT1_2).erf().add(1).div(2);
      const density = (): tf.Tensor =>
        x
          .square()
          .mul(-0.5)
          .exp()
          .div(Math.sqrt(2 * Math.PI));
      return {
        x: () =>
          below()
            .add(x.mul(density()))
            .mul(dy as tf.Tensor),
      };
    },
  },
];

const namesOf = (operations: Partial<typeof OPERATIONS>): Name[] => Object.keys(operations) as Name[];

/** Gradients that need several passes, replaced by one pass where that applies. */
export const activationGradients: tf.GradConfig[] = namesOf(OPERATIONS).map((name) => {
  const plain = composed.find(({ kernelName }) => kernelName === name) ?? tf.getGradient(name);
  const gradFunc: tf.GradFunc = (dys, saved, attributes) => {
    const [dy, z] = [dys as tf.Tensor, saved[0]];
    if (!inOnePass(dy, z) || z.size < FEW) return plain.gradFunc(dys, saved, attributes);
    return { x: () => tf.engine().runKernel('SparsebookActivationGrad', { dy, z }, { ...attributes, name }) };
  };
  return { ...plain, gradFunc };
});

export const activations: FastKernels = {
  ...Object.fromEntries(namesOf(OF_TFJS).map((name) => [name, activation(name)])),
  Softmax: softmax,
};

export const activationKernels: OwnKernels = {
  ...Object.fromEntries(
    namesOf(OF_LAYERS).map((name) => [name, (backend: SimdBackend, { x }: Inputs) => activate(backend, x, name)]),
  ),
  SparsebookActivationGrad: activationGradient,
};
