// Sums and maxima over neighbouring axes.
import { addToDoubles, bytes, storeLanes, up4 } from './vector';

/** Computes this chunk's sums over rows of x [rows, columns]: doubles [columns padded to vectors]. */
export function sumRows(x: usize, columns: i32, sums: usize, begin: i32, end: i32, chunk: i32): void {
  const row = bytes(columns);
  const to = sums + <usize>chunk * (<usize>up4(columns) << 3);
  memory.fill(to, 0, <usize>up4(columns) << 3);
  for (let r = begin; r < end; r += 64) {
    const length = <usize>min(64, end - r) * row;
    for (let c = 0; c < columns; c += 4) {
      let at = x + <usize>r * row + bytes(c);
      const stop = at + length;
      let s = f32x4.splat(0);
      while (at < stop) {
        s = f32x4.add(s, v128.load(at));
        at += row;
      }
      addToDoubles(to + (<usize>c << 3), s);
    }
  }
}

/** y[c] = factor * the chunks' sums, added in order. */
export function finishSums(sums: usize, chunks: i32, columns: i32, y: usize, factor: f64): void {
  const row = <usize>up4(columns) << 3;
  for (let c = 0; c < columns; c++) {
    let s: f64 = 0;
    for (let i = 0; i < chunks; i++) s += load<f64>(sums + <usize>i * row + (<usize>c << 3));
    f32.store(y + bytes(c), <f32>(s * factor));
  }
}

/**
 * y[o][i] = factor * the sum over m of x[o][m][i], for o in [begin, end): global pooling, sums over the last axis
 * (inner 1).
 */
export function sumMiddle(x: usize, y: usize, middle: i32, inner: i32, factor: f64, begin: i32, end: i32): void {
  for (let o = begin; o < end; o++) {
    const from = x + bytes(o * middle * inner);
    const to = y + bytes(o * inner);
    if (inner == 1) {
      let s: f64 = 0;
      for (let m = 0; m < middle; m++) s += <f64>f32.load(from + bytes(m));
      f32.store(to, <f32>(s * factor));
      continue;
    }
    const f = f32x4.splat(<f32>factor);
    for (let i = 0; i < inner; i += 4) {
      let at = from + bytes(i);
      let s = f32x4.splat(0);
      for (let m = 0; m < middle; m++) {
        s = f32x4.add(s, v128.load(at));
        at += bytes(inner);
      }
      storeLanes(to + bytes(i), f32x4.mul(s, f), inner - i);
    }
  }
}

// @ts-ignore: decorator
@inline
function larger(v: v128, most: v128): v128 {
  return v128.bitselect(v, most, v128.or(f32x4.gt(v, most), f32x4.ne(v, v)));
}

/** y[o][i] = the maximum over m of x[o][m][i], for o in [begin, end): the first of equal maxima, the last NaN. */
export function maxMiddle(x: usize, y: usize, middle: i32, inner: i32, begin: i32, end: i32): void {
  for (let o = begin; o < end; o++) {
    const from = x + bytes(o * middle * inner);
    const to = y + bytes(o * inner);
    for (let i = 0; i < inner; i += 4) {
      let at = from + bytes(i);
      let most = v128.load(at);
      for (let m = 1; m < middle; m++) {
        at += bytes(inner);
        most = larger(v128.load(at), most);
      }
      storeLanes(to + bytes(i), most, inner - i);
    }
  }
}

/** dx[o][m][i] = dy[o][i] where x[o][m][i] = y[o][i], else dy[o][i] * 0, for rows (o, m) in [begin, end). */
export function maxMiddleGradient(
  dy: usize, x: usize, y: usize, dx: usize, middle: i32, inner: i32, begin: i32, end: i32,
): void {
  const one = f32x4.splat(1);
  for (let r = begin; r < end; r++) {
    const row = bytes(r * inner), column = bytes((r / middle) * inner);
    for (let i = 0; i < inner; i += 4) {
      const most = v128.load(y + column + bytes(i));
      const chosen = v128.and(f32x4.eq(v128.load(x + row + bytes(i)), most), one);
      storeLanes(dx + row + bytes(i), f32x4.mul(v128.load(dy + column + bytes(i)), chosen), inner - i);
    }
  }
}
