// The one-dimensional transforms of Winograd's F(4, 5): four outputs of a kernel of five taps from the eight points 0,
// +-1, +-2, +-1/2 and infinity. As in winograd3.ts, each reads its values `step` bytes apart and writes them `outStep`
// bytes apart, for eight channels or four.
import { constant, madd, nmadd, storePair } from './vector';

/** The factors of the filter's points +-1, +-2 and +-1/2. */
const N1: f32 = -2.0 / 9;
const N2: f32 = 1.0 / 90;
const NH: f32 = 32.0 / 45;

/** The factors in the transforms of images. */
// @ts-ignore: decorator
@lazy
const FACTORS = memory.data<f32>([21.0 / 4, 17.0 / 4, 5.0 / 4, 8, 5, 4, 2, 1.0 / 2, 1.0 / 4, 1.0 / 8]);
const enum Factor { FiveAndQuarter, FourAndQuarter, OneAndQuarter, Eight, Five, Four, Two, Half, Quarter, Eighth }

/** Transforms eight inputs to eight points, for eight channels. */
// @ts-ignore: decorator
@inline
export function inputTransform(from: usize, step: usize, to: usize, outStep: usize): void {
  const d0 = v128.load(from), d1 = v128.load(from + step), d2 = v128.load(from + 2 * step),
    d3 = v128.load(from + 3 * step);
  const d4 = v128.load(from + 4 * step), d5 = v128.load(from + 5 * step), d6 = v128.load(from + 6 * step),
    d7 = v128.load(from + 7 * step);
  const e0 = v128.load(from, 16), e1 = v128.load(from + step, 16), e2 = v128.load(from + 2 * step, 16),
    e3 = v128.load(from + 3 * step, 16);
  const e4 = v128.load(from + 4 * step, 16), e5 = v128.load(from + 5 * step, 16), e6 = v128.load(from + 6 * step, 16),
    e7 = v128.load(from + 7 * step, 16);
  const k = constant(FACTORS, Factor.FiveAndQuarter), m = constant(FACTORS, Factor.FourAndQuarter);
  storePair(to, madd(k, f32x4.sub(d4, d2), f32x4.sub(d0, d6)), madd(k, f32x4.sub(e4, e2), f32x4.sub(e0, e6)));
  storePair(to + 7 * outStep, madd(k, f32x4.sub(d3, d5), f32x4.sub(d7, d1)),
    madd(k, f32x4.sub(e3, e5), f32x4.sub(e7, e1)));
  const dEven1 = nmadd(m, d4, f32x4.add(d2, d6)), dOdd1 = nmadd(m, d3, f32x4.add(d1, d5));
  const eEven1 = nmadd(m, e4, f32x4.add(e2, e6)), eOdd1 = nmadd(m, e3, f32x4.add(e1, e5));
  storePair(to + outStep, f32x4.add(dEven1, dOdd1), f32x4.add(eEven1, eOdd1));
  storePair(to + 2 * outStep, f32x4.sub(dEven1, dOdd1), f32x4.sub(eEven1, eOdd1));
  const quarter = constant(FACTORS, Factor.Quarter), four = constant(FACTORS, Factor.Four),
    two = constant(FACTORS, Factor.Two);
  const over = constant(FACTORS, Factor.OneAndQuarter), five = constant(FACTORS, Factor.Five);
  // x = 2: d6 + d2 / 4 - 5/4 d4, and twice d5 + d1 / 4 - 5/4 d3.
  const dEven2 = nmadd(over, d4, madd(quarter, d2, d6)), dOdd2 = nmadd(over, d3, madd(quarter, d1, d5));
  const eEven2 = nmadd(over, e4, madd(quarter, e2, e6)), eOdd2 = nmadd(over, e3, madd(quarter, e1, e5));
  storePair(to + 3 * outStep, madd(two, dOdd2, dEven2), madd(two, eOdd2, eEven2));
  storePair(to + 4 * outStep, nmadd(two, dOdd2, dEven2), nmadd(two, eOdd2, eEven2));
  // x = 1/2: d6 + 4 d2 - 5 d4, and half of d5 + 4 d1 - 5 d3.
  const dEvenH = nmadd(five, d4, madd(four, d2, d6)), dOddH = nmadd(five, d3, madd(four, d1, d5));
  const eEvenH = nmadd(five, e4, madd(four, e2, e6)), eOddH = nmadd(five, e3, madd(four, e1, e5));
  const half = constant(FACTORS, Factor.Half);
  storePair(to + 5 * outStep, madd(half, dOddH, dEvenH), madd(half, eOddH, eEvenH));
  storePair(to + 6 * outStep, nmadd(half, dOddH, dEvenH), nmadd(half, eOddH, eEvenH));
}

/**
 * Transforms eight products to four outputs, for eight channels, and adds a bias (b and c); none is less than `least`.
 */
// @ts-ignore: decorator
@inline
export function outputTransform(
  from: usize, step: usize, to: usize, outStep: usize, b: v128, c: v128, least: v128,
): void {
  const d0 = f32x4.add(v128.load(from), b), d1 = v128.load(from + step), d2 = v128.load(from + 2 * step),
    d3 = v128.load(from + 3 * step);
  const d4 = v128.load(from + 4 * step), d5 = v128.load(from + 5 * step), d6 = v128.load(from + 6 * step),
    d7 = f32x4.add(v128.load(from + 7 * step), b);
  const e0 = f32x4.add(v128.load(from, 16), c), e1 = v128.load(from + step, 16), e2 = v128.load(from + 2 * step, 16),
    e3 = v128.load(from + 3 * step, 16);
  const e4 = v128.load(from + 4 * step, 16), e5 = v128.load(from + 5 * step, 16), e6 = v128.load(from + 6 * step, 16),
    e7 = f32x4.add(v128.load(from + 7 * step, 16), c);
  const dp1 = f32x4.add(d1, d2), dq1 = f32x4.sub(d1, d2), dp2 = f32x4.add(d3, d4), dq2 = f32x4.sub(d3, d4),
    dpH = f32x4.add(d5, d6), dqH = f32x4.sub(d5, d6);
  const ep1 = f32x4.add(e1, e2), eq1 = f32x4.sub(e1, e2), ep2 = f32x4.add(e3, e4), eq2 = f32x4.sub(e3, e4),
    epH = f32x4.add(e5, e6), eqH = f32x4.sub(e5, e6);
  const y0 = f32x4.add(d0, f32x4.add(dp1, f32x4.add(dp2, dpH))),
    z0 = f32x4.add(e0, f32x4.add(ep1, f32x4.add(ep2, epH)));
  storePair(to, f32x4.pmax(y0, least), f32x4.pmax(z0, least));
  const half = constant(FACTORS, Factor.Half), two = constant(FACTORS, Factor.Two);
  const y1 = madd(half, dqH, madd(two, dq2, f32x4.add(dq1, b))),
    z1 = madd(half, eqH, madd(two, eq2, f32x4.add(eq1, c)));
  storePair(to + outStep, f32x4.pmax(y1, least), f32x4.pmax(z1, least));
  const quarter = constant(FACTORS, Factor.Quarter), four = constant(FACTORS, Factor.Four);
  const y2 = madd(quarter, dpH, madd(four, dp2, f32x4.add(dp1, b))),
    z2 = madd(quarter, epH, madd(four, ep2, f32x4.add(ep1, c)));
  storePair(to + 2 * outStep, f32x4.pmax(y2, least), f32x4.pmax(z2, least));
  const eighth = constant(FACTORS, Factor.Eighth), eight = constant(FACTORS, Factor.Eight);
  const y3 = madd(eighth, dqH, madd(eight, dq2, f32x4.add(dq1, d7))),
    z3 = madd(eighth, eqH, madd(eight, eq2, f32x4.add(eq1, e7)));
  storePair(to + 3 * outStep, f32x4.pmax(y3, least), f32x4.pmax(z3, least));
}

/** Transforms four gradients of the output to eight points, for eight channels. */
// @ts-ignore: decorator
@inline
export function gradientTransform(from: usize, step: usize, to: usize, outStep: usize): void {
  const d0 = v128.load(from), d1 = v128.load(from + step), d2 = v128.load(from + 2 * step),
    d3 = v128.load(from + 3 * step);
  const e0 = v128.load(from, 16), e1 = v128.load(from + step, 16), e2 = v128.load(from + 2 * step, 16),
    e3 = v128.load(from + 3 * step, 16);
  const two = constant(FACTORS, Factor.Two), half = constant(FACTORS, Factor.Half),
    four = constant(FACTORS, Factor.Four), quarter = constant(FACTORS, Factor.Quarter);
  const dEven1 = f32x4.add(d0, d2), dOdd1 = f32x4.add(d1, d3), eEven1 = f32x4.add(e0, e2), eOdd1 = f32x4.add(e1, e3);
  const dEven2 = madd(four, d2, d0), dOdd2 = madd(four, d3, d1), eEven2 = madd(four, e2, e0),
    eOdd2 = madd(four, e3, e1);
  const dEvenH = madd(quarter, d2, d0), dOddH = madd(quarter, d3, d1), eEvenH = madd(quarter, e2, e0),
    eOddH = madd(quarter, e3, e1);
  storePair(to, d0, e0);
  storePair(to + outStep, f32x4.add(dEven1, dOdd1), f32x4.add(eEven1, eOdd1));
  storePair(to + 2 * outStep, f32x4.sub(dEven1, dOdd1), f32x4.sub(eEven1, eOdd1));
  storePair(to + 3 * outStep, madd(two, dOdd2, dEven2), madd(two, eOdd2, eEven2));
  storePair(to + 4 * outStep, nmadd(two, dOdd2, dEven2), nmadd(two, eOdd2, eEven2));
  storePair(to + 5 * outStep, madd(half, dOddH, dEvenH), madd(half, eOddH, eEvenH));
  storePair(to + 6 * outStep, nmadd(half, dOddH, dEvenH), nmadd(half, eOddH, eEvenH));
  storePair(to + 7 * outStep, d3, e3);
}

/** Transforms a filter's five taps to eight points. */
// @ts-ignore: decorator
@inline
export function filterTransform(from: usize, step: usize, to: usize, outStep: usize): void {
  const g0 = v128.load(from), g1 = v128.load(from + step), g2 = v128.load(from + 2 * step);
  const g3 = v128.load(from + 3 * step), g4 = v128.load(from + 4 * step);
  const four = f32x4.splat(4), quarter = f32x4.splat(0.25);
  const even1 = f32x4.add(g0, f32x4.add(g2, g4)), odd1 = f32x4.add(g1, g3);
  const even2 = madd(four, madd(four, g4, g2), g0), odd2 = f32x4.mul(f32x4.splat(2), madd(four, g3, g1));
  const evenH = madd(quarter, madd(quarter, g4, g2), g0), oddH = f32x4.mul(f32x4.splat(0.5), madd(quarter, g3, g1));
  const n1 = f32x4.splat(N1), n2 = f32x4.splat(N2), nH = f32x4.splat(NH);
  v128.store(to, g0);
  v128.store(to + outStep, f32x4.mul(n1, f32x4.add(even1, odd1)));
  v128.store(to + 2 * outStep, f32x4.mul(n1, f32x4.sub(even1, odd1)));
  v128.store(to + 3 * outStep, f32x4.mul(n2, f32x4.add(even2, odd2)));
  v128.store(to + 4 * outStep, f32x4.mul(n2, f32x4.sub(even2, odd2)));
  v128.store(to + 5 * outStep, f32x4.mul(nH, f32x4.add(evenH, oddH)));
  v128.store(to + 6 * outStep, f32x4.mul(nH, f32x4.sub(evenH, oddH)));
  v128.store(to + 7 * outStep, g4);
}

/** Transforms eight products to the gradients of a filter's five taps. */
// @ts-ignore: decorator
@inline
export function filterGradientTransform(from: usize, step: usize, to: usize, outStep: usize): void {
  const m1 = v128.load(from + step), m2 = v128.load(from + 2 * step), m3 = v128.load(from + 3 * step);
  const m4 = v128.load(from + 4 * step), m5 = v128.load(from + 5 * step), m6 = v128.load(from + 6 * step);
  const n1 = f32x4.splat(N1), n2 = f32x4.splat(N2), nH = f32x4.splat(NH);
  const p1 = f32x4.mul(n1, f32x4.add(m1, m2)), q1 = f32x4.mul(n1, f32x4.sub(m1, m2));
  const p2 = f32x4.mul(n2, f32x4.add(m3, m4)), q2 = f32x4.mul(n2, f32x4.sub(m3, m4));
  const pH = f32x4.mul(nH, f32x4.add(m5, m6)), qH = f32x4.mul(nH, f32x4.sub(m5, m6));
  v128.store(to, f32x4.add(v128.load(from), f32x4.add(p1, f32x4.add(p2, pH))));
  v128.store(to + outStep, madd(f32x4.splat(0.5), qH, madd(f32x4.splat(2), q2, q1)));
  v128.store(to + 2 * outStep, madd(f32x4.splat(0.25), pH, madd(f32x4.splat(4), p2, p1)));
  v128.store(to + 3 * outStep, madd(f32x4.splat(0.125), qH, madd(f32x4.splat(8), q2, q1)));
  const last = f32x4.add(v128.load(from + 7 * step), p1);
  v128.store(to + 4 * outStep, madd(f32x4.splat(0.0625), pH, madd(f32x4.splat(16), p2, last)));
}
