// Elementwise operations, and copies.
import { bytes, clip, copyFloats, storeLanes } from './vector';

/**
 * Copies rows [begin, end) of `columns` floats from a table with fromRow bytes per row to one with toRow bytes: used by
 * concatenation and slices.
 */
export function copyColumns(
  from: usize, fromRow: usize, to: usize, toRow: usize, columns: i32, begin: i32, end: i32,
): void {
  for (let r = begin; r < end; r++) copyFloats(from + <usize>r * fromRow, to + <usize>r * toRow, columns);
}

// The operations: their numbers are shared with overrides/elementwise.ts.
// @ts-ignore: decorator
@inline
function combine(operation: i32, a: v128, b: v128): v128 {
  if (operation == 0) return f32x4.add(a, b);
  if (operation == 1) return f32x4.sub(a, b);
  if (operation == 2) return f32x4.mul(a, b);
  return f32x4.div(a, b);
}

// @ts-ignore: decorator
@inline
function combineLoop(operation: i32, a: usize, b: usize, bStep: usize, y: usize, n: i32): void {
  for (let i = 0; i < n; i += 4) {
    const second = bStep ? v128.load(b) : v128.load32_splat(b);
    storeLanes(y, combine(operation, v128.load(a), second), n - i);
    a += 16;
    b += bStep;
    y += 16;
  }
}

/** Combines n values of a with b (bStep 16) or with a single value b (bStep 0). */
function combineRow(operation: i32, a: usize, b: usize, bStep: usize, y: usize, n: i32): void {
  if (operation == 0) combineLoop(0, a, b, bStep, y, n);
  else if (operation == 1) combineLoop(1, a, b, bStep, y, n);
  else if (operation == 2) combineLoop(2, a, b, bStep, y, n);
  else combineLoop(3, a, b, bStep, y, n);
}

/**
 * y[o][m][i] = a[o][m][i] op b[o][i], for rows (o, m) in [begin, end): the broadcasts that networks need. With inner 1,
 * b is one number for each o.
 */
export function binary(
  operation: i32, a: usize, b: usize, y: usize, middle: i32, inner: i32, begin: i32, end: i32,
): void {
  if (inner == 1) {
    for (let r = begin; r < end;) {
      const o = r / middle;
      const n = min(end, (o + 1) * middle) - r;
      combineRow(operation, a + bytes(r), b + bytes(o), 0, y + bytes(r), n);
      r += n;
    }
    return;
  }
  for (let r = begin; r < end; r++) {
    combineRow(operation, a + bytes(r * inner), b + bytes((r / middle) * inner), 16, y + bytes(r * inner), inner);
  }
}

/** y = a op b for vectors [begin, end) of n values. */
export function binaryDense(operation: i32, a: usize, b: usize, y: usize, n: i32, begin: i32, end: i32): void {
  const o = bytes(begin * 4);
  combineRow(operation, a + o, b + o, 16, y + o, min(end * 4, n) - begin * 4);
}

// @ts-ignore: decorator
@inline
function transform(operation: i32, x: v128): v128 {
  if (operation == 0) return f32x4.pmax(x, f32x4.splat(0));
  if (operation == 1) return f32x4.neg(x);
  if (operation == 2) return f32x4.mul(x, x);
  if (operation == 3) return f32x4.sqrt(x);
  if (operation == 4) return f32x4.abs(x);
  if (operation == 6) return clip(x, f32x4.splat(0), f32x4.splat(6));
  // The slope of ReLU: 1 above 0, else 0; NaN stays NaN.
  const step = v128.and(f32x4.gt(x, f32x4.splat(0)), f32x4.splat(1));
  return v128.bitselect(x, step, f32x4.ne(x, x));
}

// @ts-ignore: decorator
@inline
function transformLoop(operation: i32, x: usize, y: usize, n: i32): void {
  for (let i = 0; i < n; i += 4) {
    storeLanes(y, transform(operation, v128.load(x)), n - i);
    x += 16;
    y += 16;
  }
}

/** y = op(x) for vectors [begin, end) of n values. */
export function unary(operation: i32, x: usize, y: usize, n: i32, begin: i32, end: i32): void {
  const o = bytes(begin * 4);
  const count = min(end * 4, n) - begin * 4;
  if (operation == 0) transformLoop(0, x + o, y + o, count);
  else if (operation == 1) transformLoop(1, x + o, y + o, count);
  else if (operation == 2) transformLoop(2, x + o, y + o, count);
  else if (operation == 3) transformLoop(3, x + o, y + o, count);
  else if (operation == 4) transformLoop(4, x + o, y + o, count);
  else if (operation == 5) transformLoop(5, x + o, y + o, count);
  else transformLoop(6, x + o, y + o, count);
}

/** dx = dy where 0 < y <= most, else 0 (or NaN where y is NaN), for vectors [begin, end) of n values. */
export function reluGradient(dy: usize, y: usize, dx: usize, most: f32, n: i32, begin: i32, end: i32): void {
  const zero = f32x4.splat(0), bound = f32x4.splat(most);
  for (let i = begin * 4; i < min(end * 4, n); i += 4) {
    const v = v128.load(y + bytes(i));
    const passed = v128.and(v128.load(dy + bytes(i)), v128.and(f32x4.gt(v, zero), f32x4.le(v, bound)));
    storeLanes(dx + bytes(i), v128.bitselect(v, passed, f32x4.ne(v, v)), n - i);
  }
}

/** y[o][m][i] = x[o][i], for o in [begin, end). */
export function repeatMiddle(x: usize, y: usize, middle: i32, inner: i32, begin: i32, end: i32): void {
  const row = bytes(inner);
  for (let o = begin; o < end; o++) {
    const from = x + <usize>o * row;
    let to = y + <usize>(o * middle) * row;
    for (let m = 0; m < middle; m++) {
      copyFloats(from, to, inner);
      to += row;
    }
  }
}
