// The one-dimensional transforms of Winograd's F(4, 3) (Lavin and Gray, arXiv 1509.09308): four outputs of a kernel of
// three taps from the six points 0, +-3/4, +-3/2 and infinity. The usual 0, +-1, +-2 need as much work but are four
// times less exact. Each transform reads its values `step` bytes apart and writes them `outStep` bytes apart; a 2-D
// transform does rows, then columns. Transforms of images take eight channels (d and e), with all loads before the
// first store, so that an engine can join them to 256 bits; transforms of filters take four.
import { constant, madd, nmadd, storePair } from './vector';

const A: f32 = 3.0 / 4;
const A2: f32 = 9.0 / 16;
const B: f32 = 3.0 / 2;
const B2: f32 = 9.0 / 4;
/** The factors of the filter's points, 1 / (A2 * B2), 1 / (2 * A2 * (A2 - B2)), 1 / (2 * B2 * (B2 - A2)). */
const N0: f32 = 64.0 / 81;
const NA: f32 = -128.0 / 243;
const NB: f32 = 32.0 / 243;

/** The factors in the transforms of images; B / A = 2. */
// @ts-ignore: decorator
@lazy
const FACTORS = memory.data<f32>([3.0 / 4, 9.0 / 16, 27.0 / 64, 3.0 / 2, 9.0 / 4, 81.0 / 64, 45.0 / 16, 2, 4, 8]);
const enum Factor { A, A2, A3, B, B2, A2xB2, A2plusB2, Two, Four, Eight }

/** Transforms six inputs to six points, for eight channels. */
// @ts-ignore: decorator
@inline
export function inputTransform(from: usize, step: usize, to: usize, outStep: usize): void {
  const d0 = v128.load(from), d1 = v128.load(from + step), d2 = v128.load(from + 2 * step);
  const d3 = v128.load(from + 3 * step), d4 = v128.load(from + 4 * step), d5 = v128.load(from + 5 * step);
  const e0 = v128.load(from, 16), e1 = v128.load(from + step, 16), e2 = v128.load(from + 2 * step, 16);
  const e3 = v128.load(from + 3 * step, 16), e4 = v128.load(from + 4 * step, 16), e5 = v128.load(from + 5 * step, 16);
  const a = constant(FACTORS, Factor.A), a2 = constant(FACTORS, Factor.A2), b = constant(FACTORS, Factor.B),
    b2 = constant(FACTORS, Factor.B2);
  const product = constant(FACTORS, Factor.A2xB2), sum = constant(FACTORS, Factor.A2plusB2);
  const dEvenA = nmadd(b2, d2, d4), dOddA = nmadd(b2, d1, d3), dEvenB = nmadd(a2, d2, d4), dOddB = nmadd(a2, d1, d3);
  const eEvenA = nmadd(b2, e2, e4), eOddA = nmadd(b2, e1, e3), eEvenB = nmadd(a2, e2, e4), eOddB = nmadd(a2, e1, e3);
  storePair(to, madd(product, d0, nmadd(sum, d2, d4)), madd(product, e0, nmadd(sum, e2, e4)));
  storePair(to + outStep, madd(a, dOddA, dEvenA), madd(a, eOddA, eEvenA));
  storePair(to + 2 * outStep, nmadd(a, dOddA, dEvenA), nmadd(a, eOddA, eEvenA));
  storePair(to + 3 * outStep, madd(b, dOddB, dEvenB), madd(b, eOddB, eEvenB));
  storePair(to + 4 * outStep, nmadd(b, dOddB, dEvenB), nmadd(b, eOddB, eEvenB));
  storePair(to + 5 * outStep, madd(product, d1, nmadd(sum, d3, d5)), madd(product, e1, nmadd(sum, e3, e5)));
}

/**
 * Transforms six products to four outputs, for eight channels, and adds a bias (b and c); none is less than `least`.
 */
// @ts-ignore: decorator
@inline
export function outputTransform(
  from: usize, step: usize, to: usize, outStep: usize, b: v128, c: v128, least: v128,
): void {
  const d0 = v128.load(from), d1 = v128.load(from + step), d2 = v128.load(from + 2 * step);
  const d3 = v128.load(from + 3 * step), d4 = v128.load(from + 4 * step), d5 = v128.load(from + 5 * step);
  const e0 = v128.load(from, 16), e1 = v128.load(from + step, 16), e2 = v128.load(from + 2 * step, 16);
  const e3 = v128.load(from + 3 * step, 16), e4 = v128.load(from + 4 * step, 16), e5 = v128.load(from + 5 * step, 16);
  const dp = f32x4.add(d1, d2), dq = f32x4.sub(d1, d2), dr = f32x4.add(d3, d4), du = f32x4.sub(d3, d4);
  const ep = f32x4.add(e1, e2), eq = f32x4.sub(e1, e2), er = f32x4.add(e3, e4), eu = f32x4.sub(e3, e4);
  const a = constant(FACTORS, Factor.A), a2 = constant(FACTORS, Factor.A2), a3 = constant(FACTORS, Factor.A3);
  const two = constant(FACTORS, Factor.Two), four = constant(FACTORS, Factor.Four),
    eight = constant(FACTORS, Factor.Eight);
  const d = f32x4.add(f32x4.add(f32x4.add(d0, dp), dr), b), e = f32x4.add(f32x4.add(f32x4.add(e0, ep), er), c);
  storePair(to, f32x4.pmax(d, least), f32x4.pmax(e, least));
  const dA = madd(a, madd(two, du, dq), b), eA = madd(a, madd(two, eu, eq), c);
  storePair(to + outStep, f32x4.pmax(dA, least), f32x4.pmax(eA, least));
  const dA2 = madd(a2, madd(four, dr, dp), b), eA2 = madd(a2, madd(four, er, ep), c);
  storePair(to + 2 * outStep, f32x4.pmax(dA2, least), f32x4.pmax(eA2, least));
  const dA3 = f32x4.add(madd(a3, madd(eight, du, dq), d5), b), eA3 = f32x4.add(madd(a3, madd(eight, eu, eq), e5), c);
  storePair(to + 3 * outStep, f32x4.pmax(dA3, least), f32x4.pmax(eA3, least));
}

/** Transforms four gradients of the output to six points, for eight channels. */
// @ts-ignore: decorator
@inline
export function gradientTransform(from: usize, step: usize, to: usize, outStep: usize): void {
  const d0 = v128.load(from), d1 = v128.load(from + step), d2 = v128.load(from + 2 * step),
    d3 = v128.load(from + 3 * step);
  const e0 = v128.load(from, 16), e1 = v128.load(from + step, 16), e2 = v128.load(from + 2 * step, 16),
    e3 = v128.load(from + 3 * step, 16);
  const a = constant(FACTORS, Factor.A), a2 = constant(FACTORS, Factor.A2), b = constant(FACTORS, Factor.B),
    b2 = constant(FACTORS, Factor.B2);
  const dEvenA = madd(a2, d2, d0), dOddA = madd(a2, d3, d1), dEvenB = madd(b2, d2, d0), dOddB = madd(b2, d3, d1);
  const eEvenA = madd(a2, e2, e0), eOddA = madd(a2, e3, e1), eEvenB = madd(b2, e2, e0), eOddB = madd(b2, e3, e1);
  storePair(to, d0, e0);
  storePair(to + outStep, madd(a, dOddA, dEvenA), madd(a, eOddA, eEvenA));
  storePair(to + 2 * outStep, nmadd(a, dOddA, dEvenA), nmadd(a, eOddA, eEvenA));
  storePair(to + 3 * outStep, madd(b, dOddB, dEvenB), madd(b, eOddB, eEvenB));
  storePair(to + 4 * outStep, nmadd(b, dOddB, dEvenB), nmadd(b, eOddB, eEvenB));
  storePair(to + 5 * outStep, d3, e3);
}

/** Transforms a filter's three taps to six points. */
// @ts-ignore: decorator
@inline
export function filterTransform(from: usize, step: usize, to: usize, outStep: usize): void {
  const g0 = v128.load(from), g1 = v128.load(from + step), g2 = v128.load(from + 2 * step);
  const evenA = f32x4.mul(f32x4.splat(NA), madd(f32x4.splat(A2), g2, g0)), oddA = f32x4.mul(f32x4.splat(NA * A), g1);
  const evenB = f32x4.mul(f32x4.splat(NB), madd(f32x4.splat(B2), g2, g0)), oddB = f32x4.mul(f32x4.splat(NB * B), g1);
  v128.store(to, f32x4.mul(f32x4.splat(N0), g0));
  v128.store(to + outStep, f32x4.add(evenA, oddA));
  v128.store(to + 2 * outStep, f32x4.sub(evenA, oddA));
  v128.store(to + 3 * outStep, f32x4.add(evenB, oddB));
  v128.store(to + 4 * outStep, f32x4.sub(evenB, oddB));
  v128.store(to + 5 * outStep, g2);
}

/** Transforms six products to the gradients of a filter's three taps. */
// @ts-ignore: decorator
@inline
export function filterGradientTransform(from: usize, step: usize, to: usize, outStep: usize): void {
  const m0 = v128.load(from), m1 = v128.load(from + step), m2 = v128.load(from + 2 * step);
  const m3 = v128.load(from + 3 * step), m4 = v128.load(from + 4 * step), m5 = v128.load(from + 5 * step);
  const na = f32x4.splat(NA), nb = f32x4.splat(NB);
  const p = f32x4.mul(na, f32x4.add(m1, m2)), q = f32x4.mul(na, f32x4.sub(m1, m2));
  const r = f32x4.mul(nb, f32x4.add(m3, m4)), u = f32x4.mul(nb, f32x4.sub(m3, m4));
  v128.store(to, madd(f32x4.splat(N0), m0, f32x4.add(p, r)));
  v128.store(to + outStep, madd(f32x4.splat(A), q, f32x4.mul(f32x4.splat(B), u)));
  v128.store(to + 2 * outStep, madd(f32x4.splat(A2), p, madd(f32x4.splat(B2), r, m5)));
}
