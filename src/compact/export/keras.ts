import type { UserError } from '../../errors.js';
import { isObject, type Json } from '../../formats/json.js';

/** Turns the reason for refusing a structure into an error. */
export type Refuse = (reason: string) => UserError;

/**
 * The version of Keras that wrote a structure; undefined for TensorFlow.js, which stores its own version and backend in
 * the same fields.
 */
function kerasVersion(structure: unknown): number | undefined {
  if (!isObject(structure) || structure.backend === 'tensor_flow.js') return undefined;
  const { keras_version: version } = structure;
  return typeof version === 'string' ? parseInt(version, 10) : undefined;
}

/**
 * Converts a structure written by Keras 2 or 3 to the form that TensorFlow.js reads; returns any other structure as it
 * is.
 *
 * Throws `refuse(reason)` for settings that TensorFlow.js ignores, because the network would not compute the same as in
 * Keras. Parts nested deeper than `depth` are left as they are.
 */
export function asTfjsReads(structure: unknown, { refuse, depth }: { refuse: Refuse; depth: number }): unknown {
  const version = kerasVersion(structure);
  if (version === undefined) return structure;
  const read = (value: unknown, left: number): unknown => {
    if (typeof value !== 'object' || value === null || left < 0) return value;
    if (Array.isArray(value)) return value.map((part) => read(part, left - 1));
    return readObject(Object.fromEntries(Object.entries(value).map(([key, part]) => [key, read(part, left - 1)])));
  };
  const readObject = (object: Json): unknown => {
    const { class_name: kind, config } = object;
    const standsFor =
      isObject(config) && typeof kind === 'string' && Object.hasOwn(replacements, kind) && replacements[kind];
    if (standsFor) return standsFor(config);
    if (isObject(config) && typeof kind === 'string') checkLayer(kind, config, version, refuse);
    return {
      ...object,
      ...(isObject(config) && { config: settingsOf(String(kind), config) }),
      ...(Array.isArray(object.inbound_nodes) && { inbound_nodes: object.inbound_nodes.map(readsOf) }),
    };
  };
  return read(structure, depth);
}

/** Objects that TensorFlow.js writes in another form: numeric types, penalties on weights, tensors (Keras 3). */
const replacements: Record<string, (config: Json) => unknown> = {
  DTypePolicy: ({ name }) => name,
  L1: ({ l1 }) => ({ class_name: 'L1L2', config: { l1, l2: 0 } }),
  L2: ({ l2 }) => ({ class_name: 'L1L2', config: { l1: 0, l2 } }),
  __keras_tensor__: ({ keras_history }) => (Array.isArray(keras_history) ? [...(keras_history as unknown[]), {}] : {}),
};

/** The settings of a layer or network under TensorFlow.js's names. */
function settingsOf(kind: string, config: Json): Json {
  const { activation, batch_shape, dtype, negative_slope, input_layers, output_layers } = config;
  return {
    ...config,
    ...(activation === 'silu' && { activation: 'swish' }),
    ...(kind === 'InputLayer' && batch_shape !== undefined && { batch_input_shape: batch_shape }),
    ...(kind === 'InputLayer' && typeof dtype === 'string' && { dtype: typeOf(dtype) }),
    ...(kind === 'LeakyReLU' && negative_slope !== undefined && { alpha: negative_slope }),
    ...(Array.isArray(input_layers) && { input_layers: listOfTensors(input_layers) }),
    ...(Array.isArray(output_layers) && { output_layers: listOfTensors(output_layers) }),
  };
}

/** The 32-bit type for numbers of another size, such as uint8: TensorFlow.js only accepts 32-bit types. */
const typeOf = (dtype: string): string => /(float|int)\d+$/.exec(dtype)?.[1].concat('32') ?? dtype;

/** Keras 3 writes the only input or output of a network without a list around it. */
const listOfTensors = (tensors: unknown[]): unknown[] => (typeof tensors[0] === 'string' ? [tensors] : tensors);

/** The tensors that a call of a layer reads: in Keras 3 the arguments, alone or in lists. */
function readsOf(call: unknown): unknown {
  if (!isObject(call)) return call;
  const tensorsIn = (value: unknown): unknown[] => {
    if (!Array.isArray(value)) return [];
    return typeof value[0] === 'string' ? [value] : value.flatMap(tensorsIn);
  };
  return tensorsIn(call.args);
}

/**
 * Settings that TensorFlow.js ignores, by layer class, each with the value for which ignoring it changes nothing.
 * Bilinear upsampling starts at the corners of pixels in TensorFlow.js, and at their centres in Keras.
 */
const only: Record<string, Json> = {
  ReLU: { negative_slope: 0, threshold: 0 },
  DepthwiseConv2D: { dilation_rate: 1 },
  Conv2DTranspose: { dilation_rate: 1, output_padding: null },
  UpSampling2D: { interpolation: 'nearest' },
  GlobalAveragePooling2D: { keepdims: false },
  GlobalMaxPooling2D: { keepdims: false },
  LayerNormalization: { rms_scaling: false },
};

/** Throws for settings that TensorFlow.js neither computes nor refuses itself. */
function checkLayer(kind: string, config: Json, version: number, refuse: Refuse): void {
  const without = (setting: string): UserError =>
    refuse(`the layer ${String(config.name)} (${kind}) has ${setting}, which TensorFlow.js does not compute.`);
  for (const [name, value] of Object.entries({ groups: 1, ...(Object.hasOwn(only, kind) && only[kind]) })) {
    const given = config[name] ?? value;
    if ([given].flat().some((each) => each !== value)) throw without(`${name}=${JSON.stringify(given)}`);
  }
  if (version >= 3 && config.activation === 'hard_sigmoid') throw without('the hard_sigmoid of Keras 3');
}
