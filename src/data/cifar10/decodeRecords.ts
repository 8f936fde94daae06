import { UserError } from '../../errors.js';
import { imageBytes } from '../imageSet.js';
import { cifar10ClassNames, recordBytes } from './files.js';

/**
 * Decodes one CIFAR-10 file: each record's planes become interleaved [32, 32, 3] pixels in `images` and its label goes
 * to `labels`, both starting at their first entry. `path` names the file in errors.
 * Throws a UserError where the file does not hold exactly `records` records or a label is not in 0..9.
 */
export function decodeRecords(
  bytes: Uint8Array,
  path: string,
  records: number,
  images: Uint8Array,
  labels: Uint8Array,
): void {
  const expected = records * recordBytes;
  if (bytes.length !== expected) {
    const where =
      bytes.length < expected
        ? `it ends at byte offset ${bytes.length}, in record ${Math.floor(bytes.length / recordBytes)}`
        : `the surplus starts at byte offset ${expected}`;
    throw new UserError(
      `${path} must hold ${records} records of ${recordBytes} bytes, ${expected} bytes in all; it has ${bytes.length} ` +
        `(${where}). Get a whole copy: sparsebook data get cifar10`,
    );
  }
  const plane = imageBytes / 3;
  for (let record = 0; record < records; record++) {
    const from = record * recordBytes;
    const label = bytes[from];
    if (label >= cifar10ClassNames.length) {
      throw new UserError(
        `${path}: a label is a byte from 0 to ${cifar10ClassNames.length - 1}; found ${label} at byte offset ${from} ` +
          `(record ${record}). Get an intact copy: sparsebook data get cifar10`,
      );
    }
    labels[record] = label;
    const to = record * imageBytes;
    for (let pixel = 0; pixel < plane; pixel++) {
      const source = from + 1 + pixel;
      const target = to + 3 * pixel;
      images[target] = bytes[source];
      images[target + 1] = bytes[source + plane];
      images[target + 2] = bytes[source + 2 * plane];
    }
  }
}
