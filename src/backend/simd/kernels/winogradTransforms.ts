// The one-dimensional transforms of Winograd's F(4, 3) (Lavin and Gray, arXiv 1509.09308), four channels at a time.
// Each reads its points `step` bytes apart and writes them `outStep` bytes apart; a 2-D transform is rows, then columns.
import { madd, nmadd } from './vector';

/** B^T d: six points of the input. */
// @ts-ignore: decorator
@inline
export function inputTransform(from: usize, step: usize, to: usize, outStep: usize): void {
  const d0 = v128.load(from), d1 = v128.load(from + step), d2 = v128.load(from + 2 * step);
  const d3 = v128.load(from + 3 * step), d4 = v128.load(from + 4 * step), d5 = v128.load(from + 5 * step);
  const two = f32x4.splat(2), four = f32x4.splat(4), five = f32x4.splat(5);
  const even = nmadd(four, d2, d4), odd = nmadd(four, d1, d3);
  const f0 = f32x4.sub(d4, d2), f1 = f32x4.mul(two, f32x4.sub(d3, d1));
  v128.store(to, madd(four, d0, nmadd(five, d2, d4)));
  v128.store(to + outStep, f32x4.add(even, odd));
  v128.store(to + 2 * outStep, f32x4.sub(even, odd));
  v128.store(to + 3 * outStep, f32x4.add(f0, f1));
  v128.store(to + 4 * outStep, f32x4.sub(f0, f1));
  v128.store(to + 5 * outStep, madd(four, d1, nmadd(five, d3, d5)));
}

/** A^T m + bias: four points of the output from six products. */
// @ts-ignore: decorator
@inline
export function outputTransform(from: usize, step: usize, to: usize, outStep: usize, bias: v128): void {
  const m0 = v128.load(from), m1 = v128.load(from + step), m2 = v128.load(from + 2 * step);
  const m3 = v128.load(from + 3 * step), m4 = v128.load(from + 4 * step), m5 = v128.load(from + 5 * step);
  const p = f32x4.add(m1, m2), q = f32x4.sub(m1, m2), r = f32x4.add(m3, m4), u = f32x4.sub(m3, m4);
  v128.store(to, f32x4.add(f32x4.add(f32x4.add(m0, p), r), bias));
  v128.store(to + outStep, f32x4.add(madd(f32x4.splat(2), u, q), bias));
  v128.store(to + 2 * outStep, f32x4.add(madd(f32x4.splat(4), r, p), bias));
  v128.store(to + 3 * outStep, f32x4.add(f32x4.add(madd(f32x4.splat(8), u, q), m5), bias));
}

/** A d: six points from four points of the output's gradient. */
// @ts-ignore: decorator
@inline
export function gradientTransform(from: usize, step: usize, to: usize, outStep: usize): void {
  const d0 = v128.load(from), d1 = v128.load(from + step), d2 = v128.load(from + 2 * step), d3 = v128.load(from + 3 * step);
  const p = f32x4.add(d0, d2), q = f32x4.add(d1, d3);
  const r = madd(f32x4.splat(4), d2, d0), u = f32x4.mul(f32x4.splat(2), madd(f32x4.splat(4), d3, d1));
  v128.store(to, d0);
  v128.store(to + outStep, f32x4.add(p, q));
  v128.store(to + 2 * outStep, f32x4.sub(p, q));
  v128.store(to + 3 * outStep, f32x4.add(r, u));
  v128.store(to + 4 * outStep, f32x4.sub(r, u));
  v128.store(to + 5 * outStep, d3);
}

/** G g: six points of a filter's three. */
// @ts-ignore: decorator
@inline
export function filterTransform(from: usize, step: usize, to: usize, outStep: usize): void {
  const a = v128.load(from), b = v128.load(from + step), c = v128.load(from + 2 * step);
  const sixth = f32x4.splat(1.0 / 6);
  const h = f32x4.mul(f32x4.add(a, c), f32x4.splat(-1.0 / 6)), k = f32x4.mul(b, sixth);
  const q = f32x4.add(f32x4.mul(a, f32x4.splat(1.0 / 24)), f32x4.mul(c, sixth)), r = f32x4.mul(b, f32x4.splat(1.0 / 12));
  v128.store(to, f32x4.mul(a, f32x4.splat(0.25)));
  v128.store(to + outStep, f32x4.sub(h, k));
  v128.store(to + 2 * outStep, f32x4.add(h, k));
  v128.store(to + 3 * outStep, f32x4.add(q, r));
  v128.store(to + 4 * outStep, f32x4.sub(q, r));
  v128.store(to + 5 * outStep, c);
}

/** G^T m: a filter gradient's three points from six. */
// @ts-ignore: decorator
@inline
export function filterGradientTransform(from: usize, step: usize, to: usize, outStep: usize): void {
  const m0 = v128.load(from), m1 = v128.load(from + step), m2 = v128.load(from + 2 * step);
  const m3 = v128.load(from + 3 * step), m4 = v128.load(from + 4 * step), m5 = v128.load(from + 5 * step);
  const sixth = f32x4.splat(1.0 / 6);
  const p = f32x4.add(m1, m2), r = f32x4.add(m3, m4);
  v128.store(to, f32x4.add(f32x4.sub(f32x4.mul(m0, f32x4.splat(0.25)), f32x4.mul(p, sixth)), f32x4.mul(r, f32x4.splat(1.0 / 24))));
  v128.store(to + outStep, f32x4.add(f32x4.mul(f32x4.sub(m2, m1), sixth), f32x4.mul(f32x4.sub(m3, m4), f32x4.splat(1.0 / 12))));
  v128.store(to + 2 * outStep, f32x4.add(f32x4.mul(f32x4.sub(r, p), sixth), m5));
}
