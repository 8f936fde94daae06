/** A picture in few colours. */
export interface Palette {
  /** The number of each pixel's colour, row-major. */
  indices: Uint8Array;
  /** Red, green and blue of each colour. */
  colours: Uint8Array;
}

/**
 * The pixels (RGBA, row-major, opaque) as numbers of at most 256 colours, which makes a drawing's file a quarter as large.
 * Where the edges of letters have more shades, nearby ones become one, down to 16 shades a channel; black and white stay. Returns
 * undefined for a picture that needs more, such as a photograph, or that is not opaque.
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
  // Most pixels are like the one before.
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
