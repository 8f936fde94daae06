// The one-dimensional transforms of Winograd's F(4, 5), four channels at a time: four outputs of a kernel of five taps from the eight
// points 0, +-1, +-2, +-1/2 and infinity. As in winograd3.ts each reads its values `step` bytes apart and writes them `outStep` apart.
import { madd, nmadd } from './vector';

/** What divides the filter's points 0, +-1, +-2 and +-1/2. */
const N1: f32 = -2.0 / 9;
const N2: f32 = 1.0 / 90;
const NH: f32 = 32.0 / 45;

/** Eight points of eight inputs. */
// @ts-ignore: decorator
@inline
export function inputTransform(from: usize, step: usize, to: usize, outStep: usize): void {
  const d0 = v128.load(from), d1 = v128.load(from + step), d2 = v128.load(from + 2 * step), d3 = v128.load(from + 3 * step);
  const d4 = v128.load(from + 4 * step), d5 = v128.load(from + 5 * step), d6 = v128.load(from + 6 * step), d7 = v128.load(from + 7 * step);
  const k = f32x4.splat(5.25), m = f32x4.splat(4.25);
  v128.store(to, madd(k, f32x4.sub(d4, d2), f32x4.sub(d0, d6)));
  v128.store(to + 7 * outStep, madd(k, f32x4.sub(d3, d5), f32x4.sub(d7, d1)));
  const even1 = nmadd(m, d4, f32x4.add(d2, d6)), odd1 = nmadd(m, d3, f32x4.add(d1, d5));
  v128.store(to + outStep, f32x4.add(even1, odd1));
  v128.store(to + 2 * outStep, f32x4.sub(even1, odd1));
  const quarter = f32x4.splat(0.25), four = f32x4.splat(4), two = f32x4.splat(2);
  const over = f32x4.splat(1.25), five = f32x4.splat(5);
  // x = 2: d6 + d2 / 4 - 5/4 d4, and twice d5 + d1 / 4 - 5/4 d3.
  const even2 = nmadd(over, d4, madd(quarter, d2, d6)), odd2 = nmadd(over, d3, madd(quarter, d1, d5));
  v128.store(to + 3 * outStep, madd(two, odd2, even2));
  v128.store(to + 4 * outStep, nmadd(two, odd2, even2));
  // x = 1/2: d6 + 4 d2 - 5 d4, and half of d5 + 4 d1 - 5 d3.
  const evenH = nmadd(five, d4, madd(four, d2, d6)), oddH = nmadd(five, d3, madd(four, d1, d5));
  const half = f32x4.splat(0.5);
  v128.store(to + 5 * outStep, madd(half, oddH, evenH));
  v128.store(to + 6 * outStep, nmadd(half, oddH, evenH));
}

/** Four outputs of eight products, and a bias; none less than `least`. */
// @ts-ignore: decorator
@inline
export function outputTransform(from: usize, step: usize, to: usize, outStep: usize, bias: v128, least: v128): void {
  const m1 = v128.load(from + step), m2 = v128.load(from + 2 * step), m3 = v128.load(from + 3 * step);
  const m4 = v128.load(from + 4 * step), m5 = v128.load(from + 5 * step), m6 = v128.load(from + 6 * step);
  const p1 = f32x4.add(m1, m2), q1 = f32x4.sub(m1, m2);
  const p2 = f32x4.add(m3, m4), q2 = f32x4.sub(m3, m4);
  const pH = f32x4.add(m5, m6), qH = f32x4.sub(m5, m6);
  v128.store(to, f32x4.pmax(f32x4.add(f32x4.add(v128.load(from), bias), f32x4.add(p1, f32x4.add(p2, pH))), least));
  v128.store(to + outStep, f32x4.pmax(madd(f32x4.splat(0.5), qH, madd(f32x4.splat(2), q2, f32x4.add(q1, bias))), least));
  v128.store(to + 2 * outStep, f32x4.pmax(madd(f32x4.splat(0.25), pH, madd(f32x4.splat(4), p2, f32x4.add(p1, bias))), least));
  const last = f32x4.add(v128.load(from + 7 * step), bias);
  v128.store(to + 3 * outStep, f32x4.pmax(madd(f32x4.splat(0.125), qH, madd(f32x4.splat(8), q2, f32x4.add(q1, last))), least));
}

/** Eight points of four gradients of the output. */
// @ts-ignore: decorator
@inline
export function gradientTransform(from: usize, step: usize, to: usize, outStep: usize): void {
  const d0 = v128.load(from), d1 = v128.load(from + step), d2 = v128.load(from + 2 * step), d3 = v128.load(from + 3 * step);
  const two = f32x4.splat(2), half = f32x4.splat(0.5), four = f32x4.splat(4), quarter = f32x4.splat(0.25);
  const even1 = f32x4.add(d0, d2), odd1 = f32x4.add(d1, d3);
  const even2 = madd(four, d2, d0), odd2 = madd(four, d3, d1);
  const evenH = madd(quarter, d2, d0), oddH = madd(quarter, d3, d1);
  v128.store(to, d0);
  v128.store(to + outStep, f32x4.add(even1, odd1));
  v128.store(to + 2 * outStep, f32x4.sub(even1, odd1));
  v128.store(to + 3 * outStep, madd(two, odd2, even2));
  v128.store(to + 4 * outStep, nmadd(two, odd2, even2));
  v128.store(to + 5 * outStep, madd(half, oddH, evenH));
  v128.store(to + 6 * outStep, nmadd(half, oddH, evenH));
  v128.store(to + 7 * outStep, d3);
}

/** Eight points of a filter's five taps. */
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

/** The gradients of a filter's five taps from eight products. */
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
