const { abs, atan2, cos, hypot, max, min, round, sin, PI } = Math;

/** What varies between two pictures of the same texture; shapes ignore it. */
export interface Pattern {
  /** Repetitions of the pattern per unit of length. */
  frequency: number;
  /** Where the pattern starts, in 0..1. */
  phase: number;
  /** The outline of the textured patch: a disc or a square, so that the outline does not tell the class. */
  round: boolean;
}

/**
 * How far (u, v) lies outside the drawing: negative inside, 0 on the edge. The drawing is about 1 in radius and
 * centred on the origin; distances need to be true only near the edge, where the painter softens it.
 */
export type Distance = (u: number, v: number, pattern: Pattern) => number;

const disc = (u: number, v: number): number => hypot(u, v) - 0.85;
const square = (u: number, v: number): number => max(abs(u), abs(v)) - 0.76;
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

/** The ten classes by name, in the order of their labels. */
export const shapes: Record<string, Distance> = {
  circle: disc,
  ring: (u, v) => abs(hypot(u, v) - 0.68) - 0.2,
  crescent: (u, v) => max(hypot(u, v) - 0.9, 0.8 - hypot(u - 0.5, v)),
  square,
  triangle: (u, v) => max(v, 0.866 * abs(u) - 0.5 * v) - 0.5,
  cross: (u, v) => min(max(abs(u) - 0.27, abs(v) - 0.92), max(abs(v) - 0.27, abs(u) - 0.92)),
  star,
  stripes,
  checkers,
  dots,
};
