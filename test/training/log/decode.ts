// An independent reader of TensorBoard's event files, written from the formats' descriptions: TFRecord framing, CRC-32C
// bit by bit, and protobuf's wire format without a schema.
import assert from 'node:assert/strict';

/** CRC-32C by polynomial division, one bit at a time. */
export function slowCrc32c(bytes: Uint8Array): number {
  let remainder = 0xffffffff;
  for (const byte of bytes) {
    for (let bit = 0; bit < 8; bit++) {
      const out = (remainder ^ (byte >> bit)) & 1;
      remainder = (remainder >>> 1) ^ (out ? 0x82f63b78 : 0);
    }
  }
  return (remainder ^ 0xffffffff) >>> 0;
}

function unmask(masked: number): number {
  const rotated = (masked - 0xa282ead8) >>> 0;
  return ((rotated >>> 17) | (rotated << 15)) >>> 0;
}

/** The records of a file; a record that is cut off at the end is left out, any other fault throws. */
export function recordsOf(file: Buffer): Buffer[] {
  const records: Buffer[] = [];
  for (let at = 0; at + 12 <= file.length;) {
    const length = Number(file.readBigUInt64LE(at));
    assert.equal(unmask(file.readUInt32LE(at + 8)), slowCrc32c(file.subarray(at, at + 8)), `length at ${at}`);
    const end = at + 12 + length;
    if (end + 4 > file.length) break;
    const data = file.subarray(at + 12, end);
    assert.equal(unmask(file.readUInt32LE(end)), slowCrc32c(data), `data at ${at}`);
    records.push(data);
    at = end + 4;
  }
  return records;
}

/** A message's fields by number, each a list in the order found: integers, or the bytes of anything else. */
export type Fields = Map<number, (bigint | Buffer)[]>;

export function fieldsOf(bytes: Buffer): Fields {
  const fields: Fields = new Map();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      assert.notEqual(byte, undefined, 'a varint is cut off');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (size: number): Buffer => {
    assert.ok(at + size <= bytes.length, 'a field is cut off');
    return bytes.subarray(at, (at += size));
  };
  while (at < bytes.length) {
    const key = varint();
    const [number, wireType] = [Number(key >> 3n), Number(key & 7n)];
    const value =
      wireType === 0
        ? varint()
        : wireType === 1
          ? take(8)
          : wireType === 5
            ? take(4)
            : wireType === 2
              ? take(Number(varint()))
              : undefined;
    assert.ok(value !== undefined, `wire type ${wireType}`);
    fields.set(number, [...(fields.get(number) ?? []), value]);
  }
  return fields;
}

const one = (fields: Fields, number: number): Buffer | undefined => fields.get(number)?.at(-1) as Buffer | undefined;
const doubles = (packed: Buffer): number[] =>
  Array.from({ length: packed.length / 8 }, (_, i) => packed.readDoubleLE(8 * i));

/** The contents of a summary's value. */
export interface Shown {
  tag: string;
  step: number;
  wallTime: number;
  scalar?: number;
  text?: string;
  histogram?: {
    min: number;
    max: number;
    num: number;
    sum: number;
    sumSquares: number;
    limits: number[];
    counts: number[];
  };
  plugin?: string;
  pluginContent?: Buffer;
}

/** The contents of an event file: its format, the steps at which sessions start, and all summaries. */
export function decodeEventFile(file: Buffer): { version: string; sessions: number[]; shown: Shown[] } {
  let version = '';
  const sessions: number[] = [];
  const shown: Shown[] = [];
  for (const [index, record] of recordsOf(file).entries()) {
    const event = fieldsOf(record);
    const wallTime = one(event, 1)!.readDoubleLE();
    const step = Number((event.get(2)?.at(-1) as bigint | undefined) ?? 0n);
    const fileVersion = one(event, 3);
    if (fileVersion) {
      assert.equal(index, 0);
      version = fileVersion.toString();
    }
    const session = one(event, 7);
    if (session) {
      assert.equal(fieldsOf(session).get(1)!.at(-1), 1n);
      sessions.push(step);
    }
    for (const value of fieldsOf(one(event, 5) ?? Buffer.alloc(0)).get(1) ?? []) {
      shown.push({ step, wallTime, ...decodeValue(fieldsOf(value as Buffer)) });
    }
  }
  return { version, sessions, shown };
}

function decodeValue(value: Fields): Omit<Shown, 'step' | 'wallTime'> {
  const shown: Omit<Shown, 'step' | 'wallTime'> = { tag: one(value, 1)!.toString() };
  const simple = one(value, 2);
  if (simple) shown.scalar = simple.readFloatLE();
  const histogram = one(value, 5);
  if (histogram) {
    const fields = fieldsOf(histogram);
    const number = (n: number): number => one(fields, n)?.readDoubleLE() ?? 0;
    const [min, max, num, sum, sumSquares] = [1, 2, 3, 4, 5].map(number);
    shown.histogram = {
      min,
      max,
      num,
      sum,
      sumSquares,
      limits: doubles(one(fields, 6)!),
      counts: doubles(one(fields, 7)!),
    };
  }
  const metadata = one(value, 9);
  if (metadata) {
    const plugin = fieldsOf(one(fieldsOf(metadata), 1)!);
    shown.plugin = one(plugin, 1)!.toString();
    shown.pluginContent = one(plugin, 2);
    const tensor = fieldsOf(one(value, 8)!);
    const [dimension] = fieldsOf(one(tensor, 2)!).get(2)!;
    assert.equal(
      fieldsOf(dimension as Buffer)
        .get(1)!
        .at(-1),
      1n,
    );
    if (tensor.get(1)!.at(-1) === 7n) shown.text = one(tensor, 8)!.toString();
  }
  return shown;
}

/** The settings at a session's start, by name. */
export function decodeHparams(content: Buffer): Record<string, unknown> {
  const start = fieldsOf(one(fieldsOf(content), 3)!);
  const entries = (start.get(1) ?? []).map((entry): [string, unknown] => {
    const fields = fieldsOf(entry as Buffer);
    const value = fieldsOf(one(fields, 2)!);
    if (value.has(2)) return [one(fields, 1)!.toString(), one(value, 2)!.readDoubleLE()];
    if (value.has(3)) return [one(fields, 1)!.toString(), one(value, 3)!.toString()];
    return [one(fields, 1)!.toString(), (value.get(4)?.at(-1) as bigint) === 1n];
  });
  return Object.fromEntries(entries);
}
