import { crc32c } from './crc32c.js';

/** TensorFlow's disguise of a CRC, which would be weak if a record held another record's CRC. */
const masked = (bytes: Uint8Array): number => {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
};

/** Data framed as a TFRecord: length (8 bytes), its masked CRC-32C, the data, their masked CRC-32C; little endian. */
export function record(data: Uint8Array): Uint8Array {
  const framed = Buffer.alloc(8 + 4 + data.length + 4);
  framed.writeBigUInt64LE(BigInt(data.length));
  framed.writeUInt32LE(masked(framed.subarray(0, 8)), 8);
  framed.set(data, 12);
  framed.writeUInt32LE(masked(data), 12 + data.length);
  return framed;
}
