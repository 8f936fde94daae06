import { Random, deriveSeed, uniform } from '../backend/random.js';
import { UserError } from '../errors.js';
import { check, wholeNumber } from '../rules.js';
import { bytesFor, imageShape, labelsFor, sizeOf, valuesOf, type ImageSet, type ImageShape } from './imageSet.js';

const { abs, atan2, cos, hypot, max, min, round, sin, PI } = Math;

/** What varies between two images of the same texture; shapes ignore it. */
interface Pattern {
  /** Repetitions of the pattern per unit of length. */
  frequency: number;
  /** Where the pattern starts, in 0..1. */
  phase: number;
  /** Whether the textured patch is a disc or a square; random, so that the outline does not reveal the class. */
  round: boolean;
}

/**
 * How far (u, v) lies outside the drawing: negative inside, 0 on the edge. The drawing is about 1 in radius and
 * centred on the origin; distances need to be true only near the edge, where the painter softens it.
 */
type Distance = (u: number, v: number, pattern: Pattern) => number;

const patch = (u: number, v: number, pattern: Pattern): number =>
  (pattern.round ? hypot(u, v) : max(abs(u), abs(v))) - 0.9;
/** Distance from x to the nearest multiple of the period. */
const fold = (x: number, period: number): number => abs(x - period * round(x / period));

function star(u: number, v: number): number {
  const angle = fold(atan2(u, v), (2 * PI) / 5);
  const radius = hypot(u, v);
  // In the fold, a star is one straight edge from its tip (0, 1) to the notch between two tips.
  const [notchX, notchY] = [0.42 * sin(PI / 5), 0.42 * cos(PI / 5)];
  const [edgeX, edgeY] = [notchX, notchY - 1];
  const [x, y] = [radius * sin(angle), radius * cos(angle) - 1];
  return (edgeX * y - edgeY * x) / hypot(edgeX, edgeY);
}

function stripes(u: number, v: number, pattern: Pattern): number {
  const period = 1 / pattern.frequency;
  return max(patch(u, v, pattern), fold(v + pattern.phase * period, period) - period / 4);
}

function checkers(u: number, v: number, pattern: Pattern): number {
  const period = 1 / pattern.frequency;
  const a = fold(u + pattern.phase * period, period) - period / 4;
  const b = fold(v + pattern.phase * period, period) - period / 4;
  return max(patch(u, v, pattern), a * b > 0 ? -min(abs(a), abs(b)) : min(abs(a), abs(b)));
}

function dots(u: number, v: number, pattern: Pattern): number {
  const period = 1 / pattern.frequency;
  const a = fold(u + pattern.phase * period, period);
  const b = fold(v + pattern.phase * period, period);
  return max(patch(u, v, pattern), hypot(a, b) - period * 0.33);
}

/** The ten shapes by name, in the order of the classes' labels. */
const shapes: Record<string, Distance> = {
  circle: (u, v) => hypot(u, v) - 0.85,
  ring: (u, v) => abs(hypot(u, v) - 0.68) - 0.2,
  crescent: (u, v) => max(hypot(u, v) - 0.9, 0.8 - hypot(u - 0.5, v)),
  square: (u, v) => max(abs(u), abs(v)) - 0.76,
  triangle: (u, v) => max(v, 0.866 * abs(u) - 0.5 * v) - 0.5,
  cross: (u, v) => min(max(abs(u) - 0.27, abs(v) - 0.92), max(abs(v) - 0.27, abs(u) - 0.92)),
  star,
  stripes,
  checkers,
  dots,
};
const shapeNames = Object.keys(shapes);
const anyShape = (random: Random): Distance => shapes[shapeNames[random.integer(shapeNames.length)]];

type Colour = number[];

const between = (random: Random, low: number, high: number): number => low + (high - low) * random.next();
const anyColour = (random: Random, channels: number, brightest = 255): Colour =>
  Array.from({ length: channels }, () => brightest * random.next());

/** Draws a colour of any hue that is lighter than `ground`, by at least `least` on average over the channels. */
function lighter(random: Random, ground: Colour, least: number): Colour {
  // Three channels at a time: with many, chance would hardly ever find a colour that is lighter in all.
  if (ground.length > 3) {
    return [...lighter(random, ground.slice(0, 3), least), ...lighter(random, ground.slice(3), least)];
  }
  for (;;) {
    const colour = anyColour(random, ground.length);
    const rise = colour.map((value, k) => value - ground[k]);
    if (rise.every((step) => step > -30) && rise.reduce((a, b) => a + b) / rise.length >= least) return colour;
  }
}

/** A shape to draw: its class, its radius in pixels of 32, the colour of the background, its column. */
interface Drawing {
  shape: Distance;
  size: number;
  ground: Colour;
  column: number;
}

interface Stamp {
  distance: (u: number, v: number) => number;
  x: number;
  y: number;
  radius: number;
  colour: Colour;
  opacity: number;
}

/** Paints images of one shape, one after another. */
class Painter {
  private readonly canvas: Float32Array;

  constructor(
    private readonly shape: ImageShape,
    /** How many shapes are side by side. */
    private readonly columns: number,
  ) {
    this.canvas = new Float32Array(valuesOf(shape));
  }

  /** Paints two colours that blend across the canvas in a random direction, and waves in another. */
  private paintBackground(random: Random, from: Colour, scale: number): void {
    const [height, width, channels] = this.shape;
    const to = from.map((value) => value + between(random, -60, 60));
    const angle = between(random, 0, 2 * PI);
    const [stepX, stepY] = [cos(angle) / width, sin(angle) / height];
    const [turn, start, swell] = [between(random, 0, PI), between(random, 0, 2 * PI), between(random, 0, 10)];
    const rate = (2 * PI) / (between(random, 4, 16) * scale);
    for (let y = 0, at = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const share = 0.5 + (x - width / 2) * stepX + (y - height / 2) * stepY;
        const wave = swell * sin((x * cos(turn) + y * sin(turn)) * rate + start);
        for (let k = 0; k < channels; k++) this.canvas[at++] = from[k] + (to[k] - from[k]) * share + wave;
      }
    }
  }

  /** Paints one drawing over the canvas at a random angle, its edge softened over `blur` pixels. */
  private paintStamp(random: Random, blur: number, { distance, x, y, radius, colour, opacity }: Stamp): void {
    const [height, width, channels] = this.shape;
    const reach = radius * 1.6 + blur;
    const angle = between(random, 0, 2 * PI);
    const [turnX, turnY] = [cos(angle) / radius, sin(angle) / radius];
    const [left, right] = [max(0, Math.floor(x - reach)), min(width - 1, Math.ceil(x + reach))];
    const [top, bottom] = [max(0, Math.floor(y - reach)), min(height - 1, Math.ceil(y + reach))];
    for (let row = top; row <= bottom; row++) {
      for (let column = left; column <= right; column++) {
        const [dx, dy] = [column - x, row - y];
        const inside = 0.5 - (radius / blur) * distance(dx * turnX + dy * turnY, dy * turnX - dx * turnY);
        if (inside <= 0) continue;
        const share = opacity * min(1, inside);
        const at = (row * width + column) * channels;
        for (let k = 0; k < channels; k++) this.canvas[at + k] += (colour[k] - this.canvas[at + k]) * share;
      }
    }
  }

  /** Paints small sticks and blobs that belong to no class. */
  private paintClutter(random: Random, blur: number, pieces: number, scale: number): void {
    const [height, width, channels] = this.shape;
    for (let i = 0; i < pieces; i++) {
      const length = between(random, 0.2, 1);
      this.paintStamp(random, blur, {
        distance: (u, v) => max(abs(u) - 1, abs(v) - length),
        x: between(random, 0, width),
        y: between(random, 0, height),
        radius: between(random, 1, 3) * scale,
        colour: anyColour(random, channels),
        opacity: between(random, 0.4, 0.9),
      });
    }
  }

  /** Paints a drawing with random position, proportions, rotation, pattern and colours in one of the columns. */
  private paintDrawing(random: Random, blur: number, { shape, size, ground, column }: Drawing): void {
    const [height, width] = this.shape;
    const wide = width / this.columns;
    const scale = min(height, wide) / 32;
    const margin = size * 0.85 * scale;
    const stretch = between(random, 0.85, 1.15);
    const pattern = {
      frequency: between(random, 1.3, 1.3 + size / 12),
      phase: random.next(),
      round: random.next() < 0.5,
    };
    this.paintStamp(random, blur, {
      distance: (u, v) => shape(u * stretch, v / stretch, pattern),
      x: column * wide + between(random, margin, wide - 1 - margin),
      y: between(random, margin, height - 1 - margin),
      radius: size * scale,
      colour: lighter(random, ground, 45),
      opacity: between(random, 0.75, 1),
    });
  }

  /**
   * Paints one image into `image`: one drawing per column, each with two smaller ones of any class, which may cover
   * parts of it, on a random background with clutter, blurred and noisy. Drawings are lighter than the background,
   * except in one image of seven, which is a negative. Lengths are for 32 x 32 pixels and scaled to the image.
   */
  paint(image: Uint8Array, drawings: Distance[], random: Random): void {
    const [height, width, channels] = this.shape;
    const scale = min(height, width / this.columns) / 32;
    const blur = between(random, 1, 1 + 0.4 * scale);
    const ground = anyColour(random, channels, 160);
    this.paintBackground(random, ground, scale);
    this.paintClutter(random, blur, 2 + random.integer(4), scale);
    drawings.forEach((shape, column) => {
      const size = between(random, 7.5, 13);
      const place = random.integer(3);
      for (let i = 0; i < 3; i++) {
        const drawing =
          i === place ? { shape, size } : { shape: anyShape(random), size: size * between(random, 0.35, 0.65) };
        this.paintDrawing(random, blur, { ...drawing, ground, column });
      }
    });
    this.paintClutter(random, blur, random.integer(4), scale);
    const [negative, noise] = [random.next() < 1 / 7, between(random, 5, 45)];
    const seed = Math.floor(random.next() * 2 ** 32);
    for (let i = 0; i < image.length; i++) {
      const light = min(255, max(0, this.canvas[i] + noise * (uniform(seed, 2 * i) + uniform(seed, 2 * i + 1) - 1)));
      image[i] = negative ? 255 - light : light;
    }
  }
}

/** The name printed with results from this data. */
export const syntheticName = 'synthetic collages';

/** Shape and classes of synthetic images. */
export interface SyntheticOptions {
  /** [height, width, channels]; default [32, 32, 3]. */
  shape?: readonly number[];
  /** How many classes; default 10. */
  classes?: number;
}

/**
 * Returns `count` procedural images of balanced classes. Image i depends only on the seed and i, so a longer set starts
 * with the shorter one. Ten classes are ten shapes (circle, ring, ... dots); the largest of an image's three shapes is
 * its class. Up to a hundred classes are two such images side by side, and so on, like the digits of a number. Throws a
 * UserError for fewer than two classes, or images too small for their shapes.
 */
export function syntheticImages(
  count: number,
  seed: number,
  { shape: sides = [32, 32, 3], classes = 10 }: SyntheticOptions = {},
): ImageSet {
  const shape = imageShape(sides);
  check('count', count, wholeNumber({ min: 0 }));
  check('classes', classes, wholeNumber({ min: 2 }));
  const columns = String(classes - 1).length;
  if (min(shape[0], shape[1] / columns) < 8) {
    throw new UserError(
      `Synthetic images of ${classes} classes must be at least 8x${8 * columns} pixels, for ${columns} shapes side by side; ` +
        `received ${sizeOf(shape)}.`,
    );
  }
  const digits = (label: number): string[] => [...String(label).padStart(columns, '0')];
  const painter = new Painter(shape, columns);
  const images = bytesFor(count, shape);
  const labels = labelsFor(count, classes);
  const values = valuesOf(shape);
  for (let i = 0; i < count; i++) {
    labels[i] = i % classes;
    const drawings = digits(labels[i]).map((digit) => shapes[shapeNames[Number(digit)]]);
    painter.paint(
      images.subarray(i * values, (i + 1) * values),
      drawings,
      new Random(deriveSeed(seed, 'synthetic', i)),
    );
  }
  const classNames = Array.from({ length: classes }, (_, label) =>
    digits(label)
      .map((digit) => shapeNames[Number(digit)])
      .join(' '),
  );
  return { name: syntheticName, shape, images, labels, classNames };
}
