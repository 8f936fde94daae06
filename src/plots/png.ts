import { Buffer, crc32, deflateSync } from '#platform';

/**
 * A PNG file of `width` x `height` pixels with 8 bits per channel: `pixels` is row-major RGB (3 channels) or RGBA (4).
 */
export function encodePng(
  pixels: Uint8Array | Uint8ClampedArray,
  width: number,
  height: number,
  channels: 3 | 4,
): Buffer {
  return pngFile(pixels, width, height, channels === 3 ? 2 : 6, channels);
}

/**
 * A PNG file of indexed colours: `indices` has one byte per pixel, row-major, and `colours` red, green and blue of each
 * colour.
 */
export function encodeIndexedPng(indices: Uint8Array, colours: Uint8Array, width: number, height: number): Buffer {
  return pngFile(indices, width, height, 3, 1, [chunk('PLTE', colours)]);
}

function pngFile(
  pixels: Uint8Array | Uint8ClampedArray,
  width: number,
  height: number,
  colourType: number,
  bytesPerPixel: number,
  before: Buffer[] = [],
): Buffer {
  const row = width * bytesPerPixel;
  // Every row starts with the code of its filter; 0 is "none".
  const rows = Buffer.alloc((row + 1) * height);
  for (let y = 0; y < height; y++) rows.set(pixels.subarray(y * row, (y + 1) * row), y * (row + 1) + 1);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, colourType, 0, 0, 0], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const data = chunk('IDAT', deflateSync(rows, { level: 9 }));
  return Buffer.concat([signature, chunk('IHDR', header), ...before, data, chunk('IEND', Buffer.alloc(0))]);
}

function chunk(name: string, body: Uint8Array): Buffer {
  const named = Buffer.concat([Buffer.from(name, 'latin1'), body]);
  const whole = Buffer.alloc(named.length + 8);
  whole.writeUInt32BE(body.length, 0);
  whole.set(named, 4);
  whole.writeUInt32BE(crc32(named), named.length + 4);
  return whole;
}

/** A PNG as a `data:` address, for an image inside a figure. */
export function pngAddress(png: Buffer): string {
  return `data:image/png;base64,${png.toString('base64')}`;
}

/** An image in few colours. */
export interface Palette {
  /** The index of each pixel's colour, row-major. */
  indices: Uint8Array;
  /** Red, green and blue of each colour. */
  colours: Uint8Array;
}

/**
 * Converts pixels (RGBA, row-major, opaque) to indices of at most 256 colours, which makes a drawing's file a quarter
 * as large. If the edges of letters have more shades, similar ones are merged, down to 16 shades per channel; black and
 * white are kept. Returns undefined for an image that needs more colours, such as a photograph, or that is not opaque.
 */
export function palette(pixels: Uint8Array): Palette | undefined {
  for (const bits of [8, 7, 6, 5, 4]) {
    const found = inShades(pixels, 2 ** bits - 1);
    if (found) return found;
  }
  return undefined;
}

function inShades(pixels: Uint8Array, most: number): Palette | undefined {
  const shade = Uint8Array.from({ length: 256 }, (_, value) =>
    Math.round((Math.round((value / 255) * most) * 255) / most),
  );
  const numbers = new Map<number, number>();
  const colours: number[] = [];
  const indices = new Uint8Array(pixels.length / 4);
  // Most pixels equal the previous one.
  let last = -1;
  let number = 0;
  for (let i = 0, at = 0; at < pixels.length; i++, at += 4) {
    if (pixels[at + 3] !== 255) return undefined;
    const colour = (shade[pixels[at]] << 16) | (shade[pixels[at + 1]] << 8) | shade[pixels[at + 2]];
    if (colour !== last) {
      last = colour;
      number = numbers.get(colour) ?? numbers.size;
      if (number === 256) return undefined;
      if (number === numbers.size) {
        numbers.set(colour, number);
        colours.push(colour >> 16, (colour >> 8) & 255, colour & 255);
      }
    }
    indices[i] = number;
  }
  return { indices, colours: Uint8Array.from(colours) };
}
