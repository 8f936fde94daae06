import { uniform } from '../../backend/random.js';
import type { Random } from '../../backend/random.js';
import { imageBytes, imageSize } from '../imageSet.js';
import type { Distance } from './shapes.js';

type Colour = [red: number, green: number, blue: number];

const between = (random: Random, low: number, high: number): number => low + (high - low) * random.next();
const anyColour = (random: Random): Colour => [255 * random.next(), 255 * random.next(), 255 * random.next()];

/** A colour of any hue that is lighter than `ground`, by `least` or more on average over the channels. */
function lighter(random: Random, ground: Colour, least: number): Colour {
  for (;;) {
    const colour = anyColour(random);
    const rise = colour.map((value, k) => value - ground[k]);
    if (rise.every((step) => step > -30) && (rise[0] + rise[1] + rise[2]) / 3 >= least) return colour;
  }
}

/** Two colours that run into each other across the canvas in a random direction. */
function paintBackground(canvas: Float32Array, random: Random, from: Colour): void {
  const to = from.map((value) => value + between(random, -60, 60));
  const angle = between(random, 0, 2 * Math.PI);
  const [stepX, stepY] = [Math.cos(angle) / imageSize, Math.sin(angle) / imageSize];
  for (let y = 0, at = 0; y < imageSize; y++) {
    for (let x = 0; x < imageSize; x++) {
      const share = 0.5 + (x - imageSize / 2) * stepX + (y - imageSize / 2) * stepY;
      for (let k = 0; k < 3; k++) canvas[at++] = from[k] + (to[k] - from[k]) * share;
    }
  }
}

interface Stamp {
  distance: (u: number, v: number) => number;
  x: number;
  y: number;
  radius: number;
  angle: number;
  colour: Colour;
  opacity: number;
}

/** Paints one drawing over the canvas, its edge softened over one pixel. */
function paintStamp(canvas: Float32Array, { distance, x, y, radius, angle, colour, opacity }: Stamp): void {
  const reach = radius * 1.45;
  const [cos, sin] = [Math.cos(angle) / radius, Math.sin(angle) / radius];
  const [left, right] = [Math.max(0, Math.floor(x - reach)), Math.min(imageSize - 1, Math.ceil(x + reach))];
  const [top, bottom] = [Math.max(0, Math.floor(y - reach)), Math.min(imageSize - 1, Math.ceil(y + reach))];
  for (let row = top; row <= bottom; row++) {
    for (let column = left; column <= right; column++) {
      const [dx, dy] = [column - x, row - y];
      const inside = 0.5 - radius * distance(dx * cos + dy * sin, dy * cos - dx * sin);
      if (inside <= 0) continue;
      const share = opacity * Math.min(1, inside);
      const at = (row * imageSize + column) * 3;
      for (let k = 0; k < 3; k++) canvas[at + k] += (colour[k] - canvas[at + k]) * share;
    }
  }
}

/** Small sticks and blobs that belong to no class. */
function paintClutter(canvas: Float32Array, random: Random, pieces: number): void {
  for (let i = 0; i < pieces; i++) {
    const length = between(random, 0.2, 1);
    paintStamp(canvas, {
      distance: (u, v) => Math.max(Math.abs(u) - 1, Math.abs(v) - length),
      x: between(random, 0, imageSize),
      y: between(random, 0, imageSize),
      radius: between(random, 1, 3),
      angle: between(random, 0, Math.PI),
      colour: anyColour(random),
      opacity: between(random, 0.4, 0.9),
    });
  }
}

const canvas = new Float32Array(imageBytes);

/**
 * Paints one picture into `image` ([32, 32, 3] bytes): a drawing of random place, size, turn and colours on a
 * random background, between clutter, under noise.
 */
export function paintImage(image: Uint8Array, shape: Distance, random: Random): void {
  const ground: Colour = [160 * random.next(), 160 * random.next(), 160 * random.next()];
  paintBackground(canvas, random, ground);
  paintClutter(canvas, random, 2 + random.integer(4));
  const radius = between(random, 8, 13);
  const margin = radius * 0.85;
  const pattern = {
    frequency: between(random, 1.3, 1.3 + radius / 12),
    phase: random.next(),
    round: random.next() < 0.5,
  };
  paintStamp(canvas, {
    distance: (u, v) => shape(u, v, pattern),
    x: between(random, margin, imageSize - 1 - margin),
    y: between(random, margin, imageSize - 1 - margin),
    radius,
    angle: between(random, -0.4, 0.4),
    colour: lighter(random, ground, 50),
    opacity: between(random, 0.75, 1),
  });
  paintClutter(canvas, random, random.integer(4));
  const noise = between(random, 5, 50);
  const seed = Math.floor(random.next() * 2 ** 32);
  for (let i = 0; i < imageBytes; i++) {
    const value = canvas[i] + noise * (uniform(seed, 2 * i) + uniform(seed, 2 * i + 1) - 1);
    image[i] = value < 0 ? 0 : value > 255 ? 255 : value;
  }
}
