import type { OnnxAttributes, Place } from './onnxGraph.js';

const simple =
  (opType: string, attributes: OnnxAttributes = {}) =>
  (place: Place, x: string): string =>
    place.add(opType, [x], attributes);

const overChannels =
  (opType: string) =>
  (place: Place, x: string): string =>
    place.add(opType, [x], { axis: place.axis(-1) });

/**
 * Writers of the activations of tf.layers, by their names there: each takes the name of x and returns the name of the
 * result.
 */
export const activations: Record<string, (place: Place, x: string) => string> = {
  linear: (_, x) => x,
  relu: simple('Relu'),
  relu6: (place, x) => place.add('Clip', [x, place.scalar(0), place.scalar(6)]),
  elu: simple('Elu'),
  selu: simple('Selu'),
  sigmoid: simple('Sigmoid'),
  hardSigmoid: simple('HardSigmoid', { alpha: { float: 0.2 }, beta: { float: 0.5 } }),
  softplus: simple('Softplus'),
  softsign: simple('Softsign'),
  tanh: simple('Tanh'),
  softmax: overChannels('Softmax'),
  logSoftmax: overChannels('LogSoftmax'),
  swish: (place, x) => place.add('Mul', [x, place.chain(x, 'Sigmoid')]),
  mish: (place, x) => place.add('Mul', [x, place.chain(x, 'Softplus', 'Tanh')]),
  gelu: (place, x) => halfGated(place, x, place.chain(place.add('Mul', [x, place.scalar(Math.SQRT1_2)]), 'Erf')),
  gelu_new: (place, x) => {
    const cube = place.add('Mul', [place.add('Pow', [x, place.scalar(3)]), place.scalar(0.044715)]);
    const inner = place.add('Mul', [place.add('Add', [x, cube]), place.scalar(Math.sqrt(2 / Math.PI))]);
    return halfGated(place, x, place.chain(inner, 'Tanh'));
  },
};

/** x (1 + gate) / 2. */
function halfGated(place: Place, x: string, gate: string): string {
  const half = place.add('Mul', [place.add('Add', [gate, place.scalar(1)]), place.scalar(0.5)]);
  return place.add('Mul', [x, half]);
}
