// Muon's steps: the matrices of all small kernels of a network, each orthogonalised by one thread in its private
// memory.
import { bytes, madd, storePair, up4, up8 } from './vector';

/** A kernel in `muon`'s table: param, grad and momentum have [rows, columns] floats each. */
@unmanaged
class MuonKernel {
  param: u32;
  grad: u32;
  momentum: u32;
  rows: i32;
  columns: i32;
  /** param <- keep * param - rate * orthogonal matrix. */
  rate: f32;
  keep: f32;
}

/** Returns the sums of the lanes of four vectors. */
// @ts-ignore: decorator
@inline
function sums(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(i32x4.shuffle(a, b, 0, 4, 1, 5), i32x4.shuffle(a, b, 2, 6, 3, 7));
  const cd = f32x4.add(i32x4.shuffle(c, d, 0, 4, 1, 5), i32x4.shuffle(c, d, 2, 6, 3, 7));
  return f32x4.add(i32x4.shuffle(ab, cd, 0, 1, 4, 5), i32x4.shuffle(ab, cd, 2, 3, 6, 7));
}

/**
 * Computes the products of two rows at a with four rows at b, all `row` bytes long: 2 x 4 sums at `out`, `outRow` bytes
 * apart.
 */
export function dotRows(a: usize, b: usize, row: usize, out: usize, outRow: usize): void {
  let s00 = f32x4.splat(0), s01 = f32x4.splat(0), s02 = f32x4.splat(0), s03 = f32x4.splat(0);
  let s10 = f32x4.splat(0), s11 = f32x4.splat(0), s12 = f32x4.splat(0), s13 = f32x4.splat(0);
  const end = a + row;
  while (a < end) {
    const a0 = v128.load(a), a1 = v128.load(a + row);
    const b0 = v128.load(b), b1 = v128.load(b + row), b2 = v128.load(b + 2 * row), b3 = v128.load(b + 3 * row);
    s00 = madd(a0, b0, s00); s01 = madd(a0, b1, s01); s02 = madd(a0, b2, s02); s03 = madd(a0, b3, s03);
    s10 = madd(a1, b0, s10); s11 = madd(a1, b1, s11); s12 = madd(a1, b2, s12); s13 = madd(a1, b3, s13);
    a += 16;
    b += 16;
  }
  v128.store(out, sums(s00, s01, s02, s03));
  v128.store(out + outRow, sums(s10, s11, s12, s13));
}

/**
 * Computes eight columns of four rows of the product f x, where f has rows of `count` floats, and x and the product
 * have rows of `row` bytes.
 */
export function combineRows(f: usize, count: i32, x: usize, row: usize, out: usize): void {
  let c00 = f32x4.splat(0), c01 = f32x4.splat(0), c10 = f32x4.splat(0), c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0), c21 = f32x4.splat(0), c30 = f32x4.splat(0), c31 = f32x4.splat(0);
  const fRow = bytes(count);
  const end = f + fRow;
  while (f < end) {
    const x0 = v128.load(x), x1 = v128.load(x, 16);
    const f0 = v128.load32_splat(f), f1 = v128.load32_splat(f + fRow);
    const f2 = v128.load32_splat(f + 2 * fRow), f3 = v128.load32_splat(f + 3 * fRow);
    c00 = madd(f0, x0, c00); c01 = madd(f0, x1, c01); c10 = madd(f1, x0, c10); c11 = madd(f1, x1, c11);
    c20 = madd(f2, x0, c20); c21 = madd(f2, x1, c21); c30 = madd(f3, x0, c30); c31 = madd(f3, x1, c31);
    f += 4;
    x += row;
  }
  storePair(out, c00, c01);
  storePair(out + row, c10, c11);
  storePair(out + 2 * row, c20, c21);
  storePair(out + 3 * row, c30, c31);
}

/** s = x x' [m, m] for m rows of `row` bytes; m is a multiple of 4. */
function squareOf(x: usize, m: i32, row: usize, s: usize): void {
  for (let i = 0; i < m; i += 2) {
    for (let j = 0; j < m; j += 4) {
      dotRows(x + <usize>i * row, x + <usize>j * row, row, s + bytes(i * m + j), bytes(m));
    }
  }
}

/**
 * momentum <- decay * momentum + (1 - decay) * grad; writes the step's direction to `to`. Returns the sum of its
 * squares.
 */
function direction(k: MuonKernel, n: i32, decay: f32, nesterov: bool, to: usize): f64 {
  const rest: f32 = 1 - decay;
  let squares: f64 = 0;
  for (let i = 0; i < n; i++) {
    const o = bytes(i);
    const g = rest * load<f32>(<usize>k.grad + o);
    const mean = decay * load<f32>(<usize>k.momentum + o) + g;
    store<f32>(<usize>k.momentum + o, mean);
    const step = nesterov ? decay * mean + g : mean;
    store<f32>(to + o, step);
    squares += <f64>step * step;
  }
  return squares;
}

/**
 * Muon's step for kernels [begin, end) of a table: X is the direction's matrix with its smaller side as rows, scaled to
 * length 1; X <- (a + b X X' + c (X X')^2) X is done `times` times; then the parameter shrinks and moves against X.
 *
 * `scratch` holds two matrices of up4(smaller side) x up8(larger side) floats and two squares of up4(smaller side).
 */
export function muon(
  table: usize, decay: f32, nesterov: i32, a: f32, b: f32, c: f32, times: i32, begin: i32, end: i32, _chunk: i32,
  scratch: usize,
): void {
  for (let u = begin; u < end; u++) {
    const k = changetype<MuonKernel>(table + <usize>u * offsetof<MuonKernel>());
    const rows = k.rows, columns = k.columns;
    const tall = rows > columns;
    const m = up4(min(rows, columns)), n = max(rows, columns);
    const row = bytes(up8(n));
    let x = scratch, y = x + <usize>m * row;
    const s = y + <usize>m * row, square = s + bytes(m * m);
    const squares = direction(k, rows * columns, decay, nesterov != 0, y);
    const scale = <f32>(1 / (Math.sqrt(squares) + 1e-7));
    memory.fill(x, 0, <usize>m * row);
    for (let r = 0; r < rows; r++) {
      for (let i = 0; i < columns; i++) {
        const to = tall ? <usize>i * row + bytes(r) : <usize>r * row + bytes(i);
        store<f32>(x + to, scale * load<f32>(y + bytes(r * columns + i)));
      }
    }
    for (let time = 0; time < times; time++) {
      squareOf(x, m, row, s);
      squareOf(s, m, bytes(m), square);
      const factor = f32x4.splat(b), next = f32x4.splat(c);
      for (let o: usize = 0; o < bytes(m * m); o += 16) {
        v128.store(s + o, madd(next, v128.load(square + o), f32x4.mul(factor, v128.load(s + o))));
      }
      for (let i = 0; i < m; i++) store<f32>(s + bytes(i * m + i), load<f32>(s + bytes(i * m + i)) + a);
      for (let i = 0; i < m; i += 4) {
        for (let at: usize = 0; at < row; at += 32) {
          combineRows(s + bytes(i * m), m, x + at, row, y + <usize>i * row + at);
        }
      }
      const before = x;
      x = y;
      y = before;
    }
    for (let r = 0; r < rows; r++) {
      for (let i = 0; i < columns; i++) {
        const from = tall ? <usize>i * row + bytes(r) : <usize>r * row + bytes(i);
        const at = <usize>k.param + bytes(r * columns + i);
        store<f32>(at, k.keep * load<f32>(at) - k.rate * load<f32>(x + from));
      }
    }
  }
}
