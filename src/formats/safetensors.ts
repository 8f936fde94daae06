import { Buffer, readFile } from '#platform';
import { UserError } from '../errors.js';

/** A tensor as stored in a file. */
export interface SavedTensor {
  shape: number[];
  values: Float32Array | Int32Array | Int8Array | Uint8Array;
}

/** Bytes per value of each type of the format. */
const sizes = {
  F32: 4,
  I32: 4,
  U8: 1,
  F16: 2,
  BF16: 2,
  F64: 8,
  I8: 1,
  BOOL: 1,
  I16: 2,
  U16: 2,
  U32: 4,
  I64: 8,
  U64: 8,
} as const;

type Dtype = keyof typeof sizes;

interface Entry {
  dtype: Dtype;
  shape: number[];
  data_offsets: [number, number];
}

function dtypeOf({ values }: SavedTensor): Dtype {
  if (values instanceof Float32Array) return 'F32';
  if (values instanceof Int32Array) return 'I32';
  return values instanceof Int8Array ? 'I8' : 'U8';
}

/**
 * Returns tensors as the bytes of a safetensors file: the header's length (8 bytes, little endian), the header (JSON,
 * padded with spaces to a multiple of 8 bytes), then the values of each tensor in turn. The header also carries the
 * texts in `metadata`. Throws if a shape does not fit its values.
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, SavedTensor>,
  metadata?: Record<string, string>,
): Uint8Array {
  // Four-byte values come first, so that each starts at a multiple of four bytes.
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
 * Reads a safetensors file: its tensors, and the texts that its header carries. Throws a UserError that names the file
 * if it cannot be read, and whatever `decodeSafetensors` throws.
 */
export async function readSafetensors(
  path: string,
): Promise<{ tensors: Map<string, SavedTensor>; metadata: Record<string, string> }> {
  const bytes = await readFile(path).catch((error: Error) => {
    throw new UserError(`${path} cannot be read: ${error.message}. Check the path.`, { cause: error });
  });
  return { tensors: decodeSafetensors(bytes, path), metadata: safetensorsMetadata(bytes, path) };
}

/**
 * Returns copies of the tensors of a safetensors file: floats of any size as 32-bit floats, integers as 32-bit
 * integers, bytes and booleans as bytes. `path` is for messages. Throws a UserError that names it and the tensor unless
 * every byte of the file belongs to exactly one tensor, which has a supported type and fits its shape, or if a number
 * does not fit into 32 bits.
 */
export function decodeSafetensors(bytes: Uint8Array, path: string): Map<string, SavedTensor> {
  const refuse = refusalOf(path);
  const { entries, data } = readHeader(bytes, path);
  let covered = 0;
  const tensors = new Map<string, SavedTensor>();
  for (const [name, { dtype, shape, data_offsets: offsets }] of entries) {
    const [begin, end] = offsets;
    const wanted = sizeOf(shape) * sizes[dtype];
    if (end - begin !== wanted) {
      throw refuse(`the tensor ${name} (${dtype} [${shape.join(', ')}]) takes ${wanted} bytes, not ${end - begin}`);
    }
    if (begin !== covered) {
      const fault = begin < covered ? 'overlaps the tensor before it' : 'leaves bytes unused before it';
      throw refuse(`the tensor ${name} ${fault}, at byte ${begin} instead of ${covered} of the data`);
    }
    if (end > data.length)
      throw refuse(`it is cut short: the tensor ${name} ends at byte ${end} of ${data.length} of the data`);
    // Copied because the values may start anywhere in the file, while a typed array must start at a multiple of its
    // element size.
    tensors.set(name, { shape, values: valuesOf(data.slice(begin, end).buffer, dtype, { name, path }) });
    covered = end;
  }
  if (covered !== data.length) throw refuse(`${data.length - covered} bytes at its end belong to no tensor`);
  return tensors;
}

/** The values of a tensor as 32-bit numbers, or as bytes. */
function valuesOf(data: ArrayBuffer, dtype: Dtype, where: { name: string; path: string }): SavedTensor['values'] {
  switch (dtype) {
    case 'F32':
      return new Float32Array(data);
    case 'F16':
      return Float32Array.from(new Uint16Array(data), halfFloat);
    case 'BF16':
      // The upper half of a 32-bit float.
      return new Float32Array(Uint32Array.from(new Uint16Array(data), (bits) => bits << 16).buffer);
    case 'F64': {
      const values = new Float64Array(data);
      const large = values.find((value) => Number.isFinite(value) && !Number.isFinite(Math.fround(value)));
      if (large !== undefined) throw tooLarge(large, where);
      return Float32Array.from(values);
    }
    case 'I32':
      return new Int32Array(data);
    case 'I8':
      return Int32Array.from(new Int8Array(data));
    case 'I16':
      return Int32Array.from(new Int16Array(data));
    case 'U16':
      return Int32Array.from(new Uint16Array(data));
    case 'U32':
      return narrowed(BigInt64Array.from(new Uint32Array(data), BigInt), where);
    case 'I64':
      return narrowed(new BigInt64Array(data), where);
    case 'U64':
      return narrowed(new BigUint64Array(data), where);
    default:
      return new Uint8Array(data);
  }
}

/** Decodes a 16-bit float: a sign, five bits of exponent, ten of fraction. */
function halfFloat(bits: number): number {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  const sign = bits >> 15 ? -1 : 1;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? fraction / 1024 : 1 + fraction / 1024) * 2 ** (Math.max(exponent, 1) - 15);
}

function narrowed(values: BigInt64Array | BigUint64Array, where: { name: string; path: string }): Int32Array {
  const large = Array.from<bigint>(values).find((value) => BigInt.asIntN(32, value) !== value);
  if (large !== undefined) throw tooLarge(large, where);
  return Int32Array.from(values as BigInt64Array, Number);
}

function tooLarge(value: number | bigint, { name, path }: { name: string; path: string }): UserError {
  return new UserError(
    `${path} is not read: the tensor ${name} has the number ${value}, which does not fit into 32 bits. Leave it out.`,
  );
}

/** How files of other kinds begin, and what to do about each. */
const otherKinds: [beginning: RegExp, kind: string, advice: string][] = [
  [
    /^PK\x03\x04/,
    'a zip archive, as PyTorch (.pth, .pt) and NumPy (.npz) write',
    'Load it there and save it with safetensors',
  ],
  [/^\x80[\x02-\x05]/, 'a Python pickle, as older PyTorch writes', 'Load it there and save it with safetensors'],
  [
    /^(?:\xef\xbb\xbf)?version https:\/\/git-lfs/,
    'a pointer of git-lfs and not the file it stands for',
    'Run git lfs pull',
  ],
  [/^\s*</, 'an HTML or XML page, perhaps the answer of a server', 'Download the file itself'],
  [/^\x89HDF\r\n/, 'an HDF5 file, as Keras writes', 'Load it there and save it with safetensors'],
  [/^\x93NUMPY/, 'a NumPy array', 'Load it there and save it with safetensors'],
  [/^\x1f\x8b/, 'packed with gzip', 'Unpack it with gunzip'],
  [/^GGUF/, 'a GGUF file', 'Take the safetensors file of that network'],
  [/^\s*\{/, 'JSON', 'Take the file with the weights, which usually lies beside it'],
];

/** Throws a UserError for a file that is recognised as another kind of file; such a file may well be complete. */
function refuseOtherKinds(bytes: Uint8Array, path: string): void {
  const beginning = Buffer.from(bytes.subarray(0, 64)).toString('latin1');
  // A safetensors file has a brace after the eight bytes of its length, whatever kind of file those bytes look like.
  if (bytes[8] === 0x7b && new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true) === 0) return;
  for (const [begins, kind, advice] of otherKinds) {
    if (begins.test(beginning)) throw new UserError(`${path} is not a safetensors file but ${kind}. ${advice}.`);
  }
}

/** Returns the texts that a safetensors file carries besides its tensors. Throws a UserError that names `path`. */
export function safetensorsMetadata(bytes: Uint8Array, path: string): Record<string, string> {
  const { header } = parseHeader(bytes, path);
  const texts = Object.entries(Object(header.__metadata__) as Record<string, unknown>);
  return Object.fromEntries(texts.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

type Refusal = (reason: string) => UserError;

const refusalOf =
  (path: string): Refusal =>
  (reason) =>
    new UserError(`${path} is not a whole safetensors file: ${reason}. Take another copy of it.`);

/** Parses the header; also returns the length of its text. */
function parseHeader(bytes: Uint8Array, path: string): { header: Record<string, unknown>; length: number } {
  const refuse = refusalOf(path);
  refuseOtherKinds(bytes, path);
  if (bytes.length < 8) throw refuse(`it has ${bytes.length} bytes, and the length of the header alone takes 8`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (length > bytes.length - 8)
    throw refuse(
      `it is cut short or of another kind: its header should have ${length} bytes; the file has ${bytes.length}`,
    );
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

/** Returns the entries in the order of their data, and the data. */
function readHeader(bytes: Uint8Array, path: string): { entries: [string, Entry][]; data: Uint8Array } {
  const refuse = refusalOf(path);
  const { header, length } = parseHeader(bytes, path);
  const entries = Object.entries(header).filter(([name]) => name !== '__metadata__');
  for (const [name, entry] of entries) {
    const fault = faultOf(entry);
    if (fault) throw refuse(`the tensor ${name} has ${fault}`);
    const { dtype } = entry as Entry;
    if (!Object.hasOwn(sizes, dtype)) {
      throw new UserError(
        `${path} holds the tensor ${name} in the type ${JSON.stringify(dtype)}, which is not read; the types read are ` +
          `${Object.keys(sizes).join(', ')}. Save it as F32.`,
      );
    }
  }
  const order = ([, a]: [string, Entry], [, b]: [string, Entry]): number =>
    a.data_offsets[0] - b.data_offsets[0] || a.data_offsets[1] - b.data_offsets[1];
  const data = new Uint8Array(bytes.buffer, bytes.byteOffset + 8 + length, bytes.length - 8 - length);
  return { entries: (entries as [string, Entry][]).sort(order), data };
}

/** Returns what is wrong with an entry of a header, if anything. */
function faultOf(entry: unknown): string | undefined {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  const counts = (list: unknown): list is number[] =>
    Array.isArray(list) && list.every((n) => Number.isSafeInteger(n) && n >= 0);
  if (typeof dtype !== 'string') return `the type ${JSON.stringify(dtype)}`;
  if (!counts(shape)) return `the shape ${JSON.stringify(shape)}`;
  if (!counts(offsets) || offsets.length !== 2 || offsets[0] > offsets[1]) {
    return `the data_offsets ${JSON.stringify(offsets)}`;
  }
  return undefined;
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}
