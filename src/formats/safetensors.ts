import { UserError } from '../errors.js';

/** A tensor as a file holds it. */
export interface SavedTensor {
  shape: number[];
  values: Float32Array | Int32Array | Uint8Array;
}

const kinds = {
  F32: Float32Array,
  I32: Int32Array,
  U8: Uint8Array,
} as const;

/** What is read too: PyTorch counts batches in 64 bits. */
const readKinds = { ...kinds, I64: BigInt64Array } as const;

interface Entry {
  dtype: keyof typeof readKinds;
  shape: number[];
  data_offsets: [number, number];
}

const dtypeOf = ({ values }: SavedTensor): Entry['dtype'] =>
  values instanceof Float32Array ? 'F32' : values instanceof Int32Array ? 'I32' : 'U8';

/**
 * Tensors as the bytes of a safetensors file: the header's length (8 bytes, little endian), the header (JSON, padded
 * with spaces to whole 8 bytes), the values one after another. `metadata` are texts that the header carries too. Throws
 * if a shape does not fit its values.
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, SavedTensor>,
  metadata?: Record<string, string>,
): Uint8Array {
  // Four-byte values first, so that all of them start at whole four bytes.
  const sorted = [...tensors].sort(([, a], [, b]) => b.values.BYTES_PER_ELEMENT - a.values.BYTES_PER_ELEMENT);
  let end = 0;
  const entries = sorted.map(([name, tensor]): [string, Entry] => {
    const { shape, values } = tensor;
    if (sizeOf(shape) !== values.length) {
      throw new Error(`the tensor ${name} of shape [${shape.join(', ')}] has ${values.length} values`);
    }
    return [name, { dtype: dtypeOf(tensor), shape, data_offsets: [end, (end += values.byteLength)] }];
  });
  const all = { ...(metadata ? { __metadata__: metadata } : {}), ...Object.fromEntries(entries) };
  const json = Buffer.from(JSON.stringify(all));
  const header = Buffer.alloc(Math.ceil(json.length / 8) * 8, ' ');
  json.copy(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const parts = sorted.map(([, { values }]) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return Buffer.concat([length, header, ...parts]);
}

/**
 * The tensors of a safetensors file, copied. `path` is for messages: throws a UserError that names it, and the tensor,
 * unless every byte of the file belongs to exactly one tensor of type F32, I32, U8 or I64 (read as 32 bits) and of the shape
 * it says.
 */
export function decodeSafetensors(bytes: Uint8Array, path: string): Map<string, SavedTensor> {
  const refuse = refusalOf(path);
  const { entries, data } = readHeader(bytes, refuse);
  let covered = 0;
  const tensors = new Map<string, SavedTensor>();
  for (const [name, { dtype, shape, data_offsets: offsets }] of entries) {
    const [begin, end] = offsets;
    const kind = readKinds[dtype];
    const wanted = sizeOf(shape) * kind.BYTES_PER_ELEMENT;
    if (end - begin !== wanted) {
      throw refuse(`the tensor ${name} (${dtype} [${shape.join(', ')}]) takes ${wanted} bytes, not ${end - begin}`);
    }
    if (begin !== covered) {
      const fault = begin < covered ? 'overlaps the tensor before it' : 'leaves bytes unused before it';
      throw refuse(`the tensor ${name} ${fault}, at byte ${begin} instead of ${covered} of the data`);
    }
    if (end > data.length) throw refuse(`the tensor ${name} ends at byte ${end} of ${data.length} of the data`);
    // Copied because the values may start anywhere in the file, and typed arrays only at whole elements.
    const values = new kind(data.slice(begin, end).buffer);
    tensors.set(name, { shape, values: values instanceof BigInt64Array ? narrowed(values, name, refuse) : values });
    covered = end;
  }
  if (covered !== data.length) throw refuse(`${data.length - covered} bytes at its end belong to no tensor`);
  return tensors;
}

function narrowed(values: BigInt64Array, name: string, refuse: Refusal): Int32Array {
  const large = values.find((value) => BigInt.asIntN(32, value) !== value);
  if (large !== undefined) throw refuse(`the tensor ${name} has the number ${large}, which does not fit into 32 bits`);
  return Int32Array.from(values, Number);
}

/** The texts that a safetensors file carries besides its tensors. Throws a UserError that names `path`. */
export function safetensorsMetadata(bytes: Uint8Array, path: string): Record<string, string> {
  const { header } = parseHeader(bytes, refusalOf(path));
  const texts = Object.entries(Object(header.__metadata__) as Record<string, unknown>);
  return Object.fromEntries(texts.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

type Refusal = (reason: string) => UserError;

const refusalOf =
  (path: string): Refusal =>
  (reason) =>
    new UserError(`${path} is not a whole safetensors file: ${reason}. Take another copy of it.`);

/** The header, and the length of its text. */
function parseHeader(bytes: Uint8Array, refuse: Refusal): { header: Record<string, unknown>; length: number } {
  if (bytes.length < 8) throw refuse(`it has ${bytes.length} bytes, and the length of the header alone takes 8`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (length > bytes.length - 8) throw refuse(`its header should have ${length} bytes; the file has ${bytes.length}`);
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, 8 + length)));
  } catch (error) {
    throw refuse(`its header is not JSON (${(error as Error).message})`);
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    throw refuse('its header is not a JSON object');
  }
  return { header: header as Record<string, unknown>, length };
}

/** The entries in the order of their data, and the data. */
function readHeader(bytes: Uint8Array, refuse: Refusal): { entries: [string, Entry][]; data: Uint8Array } {
  const { header, length } = parseHeader(bytes, refuse);
  const entries = Object.entries(header).filter(([name]) => name !== '__metadata__');
  for (const [name, entry] of entries) {
    const fault = faultOf(entry);
    if (fault) throw refuse(`the tensor ${name} has ${fault}`);
  }
  const order = ([, a]: [string, Entry], [, b]: [string, Entry]): number =>
    a.data_offsets[0] - b.data_offsets[0] || a.data_offsets[1] - b.data_offsets[1];
  const data = new Uint8Array(bytes.buffer, bytes.byteOffset + 8 + length, bytes.length - 8 - length);
  return { entries: (entries as [string, Entry][]).sort(order), data };
}

/** What is wrong with an entry of a header, if anything. */
function faultOf(entry: unknown): string | undefined {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  const counts = (list: unknown): list is number[] =>
    Array.isArray(list) && list.every((n) => Number.isSafeInteger(n) && n >= 0);
  if (typeof dtype !== 'string' || !Object.hasOwn(readKinds, dtype)) {
    return `the type ${JSON.stringify(dtype)}, not ${Object.keys(readKinds).join(', ')}`;
  }
  if (!counts(shape)) return `the shape ${JSON.stringify(shape)}`;
  if (!counts(offsets) || offsets.length !== 2 || offsets[0] > offsets[1]) {
    return `the data_offsets ${JSON.stringify(offsets)}`;
  }
  return undefined;
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}
