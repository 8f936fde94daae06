import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { UserError } from 'sparsebook';
import {
  decodeSafetensors,
  encodeSafetensors,
  safetensorsMetadata,
  type SavedTensor,
} from 'sparsebook/formats/safetensors.js';
import { fuzzRuns } from '../fuzz.ts';

/** A file built from a header and its data as the format's description says. */
function file(header: unknown, data: Uint8Array | number[] = [], { length }: { length?: bigint } = {}): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(length ?? BigInt(json.length));
  return Buffer.concat([size, json, Buffer.from(data)]);
}

const tensors = fc
  .uniqueArray(
    fc.record({
      name: fc.string({ unit: 'grapheme' }).filter((name) => name !== '__metadata__'),
      shape: fc.array(fc.nat({ max: 3 }), { maxLength: 4 }),
      kind: fc.constantFrom(Float32Array, Int32Array, Uint8Array),
      seed: fc.nat(),
    }),
    { selector: ({ name }) => name, maxLength: 8 },
  )
  .map((list) => {
    const entries = list.map(({ name, shape, kind, seed }): [string, SavedTensor] => {
      const size = shape.reduce((a, b) => a * b, 1);
      const bytes = Uint8Array.from({ length: size * kind.BYTES_PER_ELEMENT }, (_, i) => (seed * (i + 1)) >>> (i % 24));
      return [name, { shape, values: new kind(bytes.buffer) }];
    });
    return new Map(entries);
  });

const bytesOf = ({ values }: SavedTensor): string => Buffer.from(values.buffer).toString('hex');

test('values that are written are read again, bit for bit', () => {
  fc.assert(
    fc.property(tensors, (given) => {
      const read = decodeSafetensors(encodeSafetensors(given), 'x');
      assert.deepEqual(new Set(read.keys()), new Set(given.keys()));
      for (const [name, tensor] of given) {
        const found = read.get(name)!;
        assert.deepEqual([found.shape, found.values.constructor], [tensor.shape, tensor.values.constructor]);
        assert.equal(bytesOf(found), bytesOf(tensor));
      }
    }),
    { numRuns: 300 },
  );
});

test('texts are stored in the header, beside the tensors', () => {
  const given = new Map<string, SavedTensor>([['w', { shape: [1], values: new Float32Array([3]) }]]);
  const bytes = encodeSafetensors(given, { format: 'pt', note: 'two words' });
  assert.deepEqual(safetensorsMetadata(bytes, 'x'), { format: 'pt', note: 'two words' });
  assert.deepEqual(decodeSafetensors(bytes, 'x'), given);
  assert.deepEqual(safetensorsMetadata(encodeSafetensors(given), 'x'), {});
  assert.throws(() => safetensorsMetadata(file([1]), 'a.st'), /a.st is not a whole .* its header is not a JSON object/);
});

test('a file made by hand is read, whatever the order of its header', () => {
  const data = Buffer.alloc(16);
  [1.5, -2, NaN].forEach((value, i) => data.writeFloatLE(value, 4 * i));
  data.writeInt32LE(-7, 12);
  const header = {
    __metadata__: { format: 'pt' },
    count: { dtype: 'I32', shape: [], data_offsets: [12, 16] },
    empty: { dtype: 'F32', shape: [0, 3], data_offsets: [12, 12] },
    'layer/kernel': { dtype: 'F32', shape: [3, 1], data_offsets: [0, 12] },
  };
  const read = decodeSafetensors(file(`${JSON.stringify(header)}   `, data), 'x');
  assert.deepEqual(read.get('layer/kernel'), { shape: [3, 1], values: new Float32Array([1.5, -2, NaN]) });
  assert.deepEqual(read.get('count'), { shape: [], values: new Int32Array([-7]) });
  assert.deepEqual(read.get('empty'), { shape: [0, 3], values: new Float32Array(0) });
});

test("PyTorch's 64-bit counts are read as 32 bits, and refused if they do not fit", () => {
  const header = { n: { dtype: 'I64', shape: [2], data_offsets: [0, 16] } };
  const data = Buffer.from(BigInt64Array.of(391n, -1n).buffer);
  assert.deepEqual(decodeSafetensors(file(header, data), 'x').get('n'), {
    shape: [2],
    values: new Int32Array([391, -1]),
  });
  const large = Buffer.from(BigInt64Array.of(0n, 2n ** 31n).buffer);
  assert.throws(
    () => decodeSafetensors(file(header, large), 'a.st'),
    /the tensor n has the number 2147483648, which does/,
  );
});

test('floats and integers of other sizes are read as 32 bits', () => {
  const types: [dtype: string, stored: ArrayBufferView, values: SavedTensor['values']][] = [
    [
      'F16',
      Uint16Array.of(0x3c00, 0xc000, 0x3555, 0x0001, 0x8000, 0x7bff),
      Float32Array.of(1, -2, 1365 / 4096, 2 ** -24, -0, 65504),
    ],
    ['F16', Uint16Array.of(0x7c00, 0xfc00, 0x7e00), Float32Array.of(Infinity, -Infinity, NaN)],
    ['BF16', Uint16Array.of(0x3f80, 0xc040, 0x7f80, 0x7fc0), Float32Array.of(1, -3, Infinity, NaN)],
    ['F64', Float64Array.of(0.1, -Infinity, NaN), Float32Array.of(0.1, -Infinity, NaN)],
    ['I8', Int8Array.of(-128, 127), Int32Array.of(-128, 127)],
    ['I16', Int16Array.of(-3, 9), Int32Array.of(-3, 9)],
    ['U16', Uint16Array.of(65535), Int32Array.of(65535)],
    ['U32', Uint32Array.of(2 ** 31 - 1), Int32Array.of(2 ** 31 - 1)],
    ['U64', BigUint64Array.of(5n), Int32Array.of(5)],
    ['BOOL', Uint8Array.of(1, 0), Uint8Array.of(1, 0)],
  ];
  for (const [dtype, stored, values] of types) {
    const data = new Uint8Array(stored.buffer);
    const header = { w: { dtype, shape: [values.length], data_offsets: [0, data.length] } };
    assert.deepEqual(decodeSafetensors(file(header, data), 'x').get('w'), { shape: [values.length], values }, dtype);
  }
});

test('an intact file that cannot be read is not called damaged', () => {
  const one = (dtype: string, stored: ArrayBufferView): Buffer =>
    file({ w: { dtype, shape: [1], data_offsets: [0, stored.byteLength] } }, new Uint8Array(stored.buffer));
  const cases: [Uint8Array, RegExp][] = [
    [
      one('F8_E4M3', Uint8Array.of(0)),
      /holds the tensor w in the type "F8_E4M3", which is not read; .* Save it as F32/,
    ],
    [one('toString', Uint8Array.of(0)), /in the type "toString", which is not read/],
    [one('F64', Float64Array.of(1e300)), /w has the number 1e\+300, which does not fit into 32 bits/],
    [one('U32', Uint32Array.of(2 ** 31)), /w has the number 2147483648/],
    [one('U64', BigUint64Array.of(2n ** 63n)), /w has the number 9223372036854775808/],
    [
      Buffer.concat([Buffer.from('PK\x03\x04\x00\x00\x08\x08'), Buffer.alloc(90)]),
      /a zip archive, as PyTorch .* save it with safetensors/,
    ],
    [Buffer.from('\x80\x02}q\x00(X\x07', 'latin1'), /a Python pickle/],
    [
      Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 2\n'),
      /pointer of git-lfs .* git lfs pull/,
    ],
    [Buffer.from('\n<!DOCTYPE html><html><body>404</body></html>'), /an HTML or XML page/],
    [Buffer.from('\x89HDF\r\n\x1a\n0000000', 'latin1'), /an HDF5 file/],
    [Buffer.from('\x93NUMPY\x01\x00v\x00', 'latin1'), /a NumPy array/],
    [Buffer.from('\ufeffversion https://git-lfs.github.com/spec/v1\r\n'), /pointer of git-lfs/],
    [Buffer.from('\x1f\x8b\x08\x00abcdefgh', 'latin1'), /packed with gzip/],
    [Buffer.from('{"modelTopology": {}}'), /JSON/],
  ];
  for (const [bytes, message] of cases) {
    const refusal = (error: Error): boolean => {
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /another copy/);
      return error.name === 'UserError';
    };
    assert.throws(() => decodeSafetensors(bytes, 'a.st'), refusal);
    assert.throws(() => decodeSafetensors(bytes, 'a.st'), /^UserError: a\.st /);
  }
  const whole = encodeSafetensors(new Map([['w', { shape: [4], values: new Float32Array(4) }]]));
  for (const end of [30, whole.length - 1]) {
    assert.throws(() => decodeSafetensors(whole.subarray(0, end), 'a.st'), /is cut short/);
  }
});

test('the written layout follows the format, with values aligned to their size', () => {
  const bytes = Buffer.from(
    encodeSafetensors(
      new Map<string, SavedTensor>([
        ['flags', { shape: [3], values: new Uint8Array([1, 2, 3]) }],
        ['w', { shape: [1, 2], values: new Float32Array([1, 2]) }],
      ]),
    ),
  );
  const length = Number(bytes.readBigUInt64LE(0));
  assert.equal(length % 8, 0);
  assert.deepEqual(JSON.parse(bytes.toString('utf8', 8, 8 + length)), {
    w: { dtype: 'F32', shape: [1, 2], data_offsets: [0, 8] },
    flags: { dtype: 'U8', shape: [3], data_offsets: [8, 11] },
  });
  assert.equal(bytes.toString('hex', 8 + length), '0000803f00000040010203');
});

test('a tensor whose shape does not fit its values is not written', () => {
  assert.throws(
    () => encodeSafetensors(new Map([['w', { shape: [2, 2], values: new Float32Array(3) }]])),
    /w of shape \[2, 2\] has 3 values/,
  );
});

test('every kind of damage is reported, with the file and the tensor', () => {
  const f32 = (begin: unknown, end: unknown, shape: unknown = [1]): unknown => ({
    dtype: 'F32',
    shape,
    data_offsets: [begin, end],
  });
  const eight = new Uint8Array(8);
  const cases: [Buffer, RegExp][] = [
    [Buffer.alloc(0), /a.st is not a whole safetensors file: it has 0 bytes, .* takes 8\. Take another copy/],
    [Buffer.alloc(7), /it has 7 bytes/],
    [file('{}x'), /header is not JSON/],
    [file({}, [], { length: 3n }), /header should have 3 bytes; the file has 10/],
    [file({}, [], { length: 2n ** 63n }), /header should have 9223372036854776000 bytes; the file has 10/],
    [file('[]'), /header is not a JSON object/],
    [file('null'), /header is not a JSON object/],
    [file(Buffer.from([0x7b, 0xff, 0x7d]).toString('latin1')), /header is not JSON/],
    [file({ w: null }), /tensor w has the type undefined/],
    [
      file({ w: { dtype: 'F16', shape: [3], data_offsets: [0, 4] } }, [0, 0, 0, 0]),
      /w \(F16 \[3\]\) takes 6 bytes, not 4/,
    ],
    [file({ w: f32(0, 4, [-1]) }, eight), /w has the shape \[-1\]/],
    [file({ w: f32(0, 4, [1.5]) }, eight), /w has the shape \[1.5\]/],
    [file({ w: f32(0, 4, 1) }, eight), /w has the shape 1/],
    [file({ w: f32(4, 0) }, eight), /w has the data_offsets \[4,0\]/],
    [file({ w: f32(0, '4') }, eight), /w has the data_offsets \[0,"4"\]/],
    [file({ w: f32(0, 8) }, eight), /w \(F32 \[1\]\) takes 4 bytes, not 8/],
    [file({ w: f32(0, 4, [2 ** 30, 2 ** 30]) }, eight), /w \(F32 \[1073741824, 1073741824\]\) takes .* not 4/],
    [file({ w: f32(0, 4), v: f32(0, 4) }, eight), /v overlaps the tensor before it, at byte 0 instead of 4/],
    [file({ w: f32(0, 8, [2]), v: f32(4, 8) }, eight), /v overlaps the tensor before it, at byte 4 instead of 8/],
    [file({ w: f32(4, 8) }, eight), /w leaves bytes unused before it, at byte 4 instead of 0/],
    [file({ w: f32(0, 4), v: f32(4, 8) }, new Uint8Array(7)), /v ends at byte 8 of 7/],
    [file({ w: f32(0, 4) }, eight), /4 bytes at its end belong to no tensor/],
    [
      file(
        '{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
        eight,
      ),
      /w leaves bytes unused/,
    ],
  ];
  for (const [bytes, message] of cases) {
    assert.throws(() => decodeSafetensors(bytes, 'a.st'), { name: 'UserError', message }, String(message));
  }
});

test('whatever the bytes, the reader fails only with a UserError', () => {
  const whole = encodeSafetensors(
    new Map([
      ['a', { shape: [2], values: new Float32Array([1, 2]) }],
      ['b', { shape: [3], values: new Uint8Array(3) }],
    ]),
  );
  const readable = (bytes: Uint8Array): void => {
    try {
      decodeSafetensors(bytes, 'x');
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
    }
  };
  const change = fc.record({ at: fc.nat({ max: whole.length - 1 }), to: fc.nat({ max: 255 }) });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), fc.nat({ max: whole.length }), (changes, end) => {
      const bytes = Uint8Array.from(whole);
      for (const { at, to } of changes) bytes[at] = to;
      readable(bytes);
      readable(bytes.subarray(0, end));
    }),
    { numRuns: fuzzRuns(2000) },
  );
  const header = fc.json().map((json) => file(json, new Uint8Array(8)));
  fc.assert(fc.property(fc.oneof(header, fc.uint8Array({ maxLength: 64 })), readable), { numRuns: fuzzRuns(2000) });
});
