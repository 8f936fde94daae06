// The one-dimensional transforms of Winograd's F(4, 3) (Lavin and Gray, arXiv 1509.09308), four channels at a time: four outputs of a
// kernel of three taps from the six points 0, +-3/4, +-3/2 and infinity. The usual 0, +-1, +-2 are as much work but four times less
// exact. Each transform reads its values `step` bytes apart and writes them `outStep` bytes apart; a 2-D one is rows, then columns.
import { madd, nmadd } from './vector';

const A: f32 = 3.0 / 4;
const A2: f32 = 9.0 / 16;
const A3: f32 = 27.0 / 64;
const B: f32 = 3.0 / 2;
const B2: f32 = 9.0 / 4;
/** A2 * B2 and A2 + B2. */
const PRODUCT: f32 = 81.0 / 64;
const SUM: f32 = 45.0 / 16;
/** What divides the filter's points: A2 * B2, 2 * A2 * (A2 - B2), 2 * B2 * (B2 - A2). */
const N0: f32 = 64.0 / 81;
const NA: f32 = -128.0 / 243;
const NB: f32 = 32.0 / 243;

/** Six points of six inputs. */
// @ts-ignore: decorator
@inline
export function inputTransform(from: usize, step: usize, to: usize, outStep: usize): void {
  const d0 = v128.load(from), d1 = v128.load(from + step), d2 = v128.load(from + 2 * step);
  const d3 = v128.load(from + 3 * step), d4 = v128.load(from + 4 * step), d5 = v128.load(from + 5 * step);
  const a = f32x4.splat(A), a2 = f32x4.splat(A2), b = f32x4.splat(B), b2 = f32x4.splat(B2);
  const product = f32x4.splat(PRODUCT), sum = f32x4.splat(SUM);
  const evenA = nmadd(b2, d2, d4), oddA = nmadd(b2, d1, d3);
  const evenB = nmadd(a2, d2, d4), oddB = nmadd(a2, d1, d3);
  v128.store(to, madd(product, d0, nmadd(sum, d2, d4)));
  v128.store(to + outStep, madd(a, oddA, evenA));
  v128.store(to + 2 * outStep, nmadd(a, oddA, evenA));
  v128.store(to + 3 * outStep, madd(b, oddB, evenB));
  v128.store(to + 4 * outStep, nmadd(b, oddB, evenB));
  v128.store(to + 5 * outStep, madd(product, d1, nmadd(sum, d3, d5)));
}

/** Four outputs of six products, and a bias; none less than `least`. */
// @ts-ignore: decorator
@inline
export function outputTransform(from: usize, step: usize, to: usize, outStep: usize, bias: v128, least: v128): void {
  const m0 = v128.load(from), m1 = v128.load(from + step), m2 = v128.load(from + 2 * step);
  const m3 = v128.load(from + 3 * step), m4 = v128.load(from + 4 * step), m5 = v128.load(from + 5 * step);
  const p = f32x4.add(m1, m2), q = f32x4.sub(m1, m2), r = f32x4.add(m3, m4), u = f32x4.sub(m3, m4);
  // B / A = 2.
  v128.store(to, f32x4.pmax(f32x4.add(f32x4.add(f32x4.add(m0, p), r), bias), least));
  v128.store(to + outStep, f32x4.pmax(madd(f32x4.splat(A), madd(f32x4.splat(2), u, q), bias), least));
  v128.store(to + 2 * outStep, f32x4.pmax(madd(f32x4.splat(A2), madd(f32x4.splat(4), r, p), bias), least));
  v128.store(to + 3 * outStep, f32x4.pmax(f32x4.add(madd(f32x4.splat(A3), madd(f32x4.splat(8), u, q), m5), bias), least));
}

/** Six points of four gradients of the output. */
// @ts-ignore: decorator
@inline
export function gradientTransform(from: usize, step: usize, to: usize, outStep: usize): void {
  const d0 = v128.load(from), d1 = v128.load(from + step), d2 = v128.load(from + 2 * step), d3 = v128.load(from + 3 * step);
  const a = f32x4.splat(A), a2 = f32x4.splat(A2), b = f32x4.splat(B), b2 = f32x4.splat(B2);
  const evenA = madd(a2, d2, d0), oddA = madd(a2, d3, d1);
  const evenB = madd(b2, d2, d0), oddB = madd(b2, d3, d1);
  v128.store(to, d0);
  v128.store(to + outStep, madd(a, oddA, evenA));
  v128.store(to + 2 * outStep, nmadd(a, oddA, evenA));
  v128.store(to + 3 * outStep, madd(b, oddB, evenB));
  v128.store(to + 4 * outStep, nmadd(b, oddB, evenB));
  v128.store(to + 5 * outStep, d3);
}

/** Six points of a filter's three taps. */
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

/** The gradients of a filter's three taps from six products. */
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
