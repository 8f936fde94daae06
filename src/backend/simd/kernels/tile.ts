// The register tiles: ROWS pixels by 8 (or 4) channels, 12 accumulators in 16 registers. Most time is spent here.
//
// V8 keeps the accumulators in registers only if each tile is a separate function (exported, so that it is not
// inlined), has exactly one while loop, reads its offsets from a table instead of nesting loops, and stores in
// ascending row order (plain store) or descending row order (read, add, store). Measure with test/bench/leafKernels
// before changing a line.
import { ROWS, addPair, madd, storePair } from './vector';

/**
 * Forward tile: out[r][0..8) = bias + sum_k in[a_r + offsets[k]] * panel[k][0..8). `end` is the end of the panel,
 * `outRow` the bytes from one pixel of the output to the next.
 */
export function tile8(
  panel: usize, end: usize, offsets: usize, bias: usize, out: usize, outRow: usize, a0: usize, a1: usize, a2: usize,
  a3: usize, a4: usize, a5: usize,
): void {
  let c00 = v128.load(bias), c01 = v128.load(bias, 16);
  let c10 = v128.load(bias), c11 = v128.load(bias, 16);
  let c20 = v128.load(bias), c21 = v128.load(bias, 16);
  let c30 = v128.load(bias), c31 = v128.load(bias, 16);
  let c40 = v128.load(bias), c41 = v128.load(bias, 16);
  let c50 = v128.load(bias), c51 = v128.load(bias, 16);
  while (panel < end) {
    const b0 = v128.load(panel), b1 = v128.load(panel, 16);
    panel += 32;
    const o = <usize>load<u32>(offsets);
    offsets += 4;
    const x0 = v128.load32_splat(a0 + o);
    c00 = madd(x0, b0, c00);
    c01 = madd(x0, b1, c01);
    const x1 = v128.load32_splat(a1 + o);
    c10 = madd(x1, b0, c10);
    c11 = madd(x1, b1, c11);
    const x2 = v128.load32_splat(a2 + o);
    c20 = madd(x2, b0, c20);
    c21 = madd(x2, b1, c21);
    const x3 = v128.load32_splat(a3 + o);
    c30 = madd(x3, b0, c30);
    c31 = madd(x3, b1, c31);
    const x4 = v128.load32_splat(a4 + o);
    c40 = madd(x4, b0, c40);
    c41 = madd(x4, b1, c41);
    if (ROWS > 5) {
      const x5 = v128.load32_splat(a5 + o);
      c50 = madd(x5, b0, c50);
      c51 = madd(x5, b1, c51);
    }
  }
  storePair(out, c00, c01);
  out += outRow;
  storePair(out, c10, c11);
  out += outRow;
  storePair(out, c20, c21);
  out += outRow;
  storePair(out, c30, c31);
  out += outRow;
  storePair(out, c40, c41);
  out += outRow;
  if (ROWS > 5) storePair(out, c50, c51);
}

/** Forward tile for a panel with at most 4 channels. */
export function tile4(
  panel: usize, end: usize, offsets: usize, bias: usize, out: usize, outRow: usize, a0: usize, a1: usize, a2: usize,
  a3: usize, a4: usize, a5: usize,
): void {
  let c0 = v128.load(bias), c1 = v128.load(bias), c2 = v128.load(bias);
  let c3 = v128.load(bias), c4 = v128.load(bias), c5 = v128.load(bias);
  while (panel < end) {
    const b0 = v128.load(panel);
    panel += 32;
    const o = <usize>load<u32>(offsets);
    offsets += 4;
    c0 = madd(v128.load32_splat(a0 + o), b0, c0);
    c1 = madd(v128.load32_splat(a1 + o), b0, c1);
    c2 = madd(v128.load32_splat(a2 + o), b0, c2);
    c3 = madd(v128.load32_splat(a3 + o), b0, c3);
    c4 = madd(v128.load32_splat(a4 + o), b0, c4);
    if (ROWS > 5) c5 = madd(v128.load32_splat(a5 + o), b0, c5);
  }
  v128.store(out, c0);
  out += outRow;
  v128.store(out, c1);
  out += outRow;
  v128.store(out, c2);
  out += outRow;
  v128.store(out, c3);
  out += outRow;
  v128.store(out, c4);
  out += outRow;
  if (ROWS > 5) v128.store(out, c5);
}

/** Forward tile that adds to its output: out[r][0..8) += sum_k in[a_r + offsets[k]] * panel[k][0..8). */
export function tileAdd8(
  panel: usize, end: usize, offsets: usize, out: usize, outRow: usize, a0: usize, a1: usize, a2: usize, a3: usize,
  a4: usize, a5: usize,
): void {
  let c00 = f32x4.splat(0), c01 = f32x4.splat(0), c10 = f32x4.splat(0), c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0), c21 = f32x4.splat(0), c30 = f32x4.splat(0), c31 = f32x4.splat(0);
  let c40 = f32x4.splat(0), c41 = f32x4.splat(0), c50 = f32x4.splat(0), c51 = f32x4.splat(0);
  while (panel < end) {
    const b0 = v128.load(panel), b1 = v128.load(panel, 16);
    panel += 32;
    const o = <usize>load<u32>(offsets);
    offsets += 4;
    if (ROWS > 5) { const x5 = v128.load32_splat(a5 + o); c51 = madd(x5, b1, c51); c50 = madd(x5, b0, c50); }
    const x4 = v128.load32_splat(a4 + o); c41 = madd(x4, b1, c41); c40 = madd(x4, b0, c40);
    const x3 = v128.load32_splat(a3 + o); c31 = madd(x3, b1, c31); c30 = madd(x3, b0, c30);
    const x2 = v128.load32_splat(a2 + o); c21 = madd(x2, b1, c21); c20 = madd(x2, b0, c20);
    const x1 = v128.load32_splat(a1 + o); c11 = madd(x1, b1, c11); c10 = madd(x1, b0, c10);
    const x0 = v128.load32_splat(a0 + o); c01 = madd(x0, b1, c01); c00 = madd(x0, b0, c00);
  }
  addPair(out, c00, c01);
  out += outRow;
  addPair(out, c10, c11);
  out += outRow;
  addPair(out, c20, c21);
  out += outRow;
  addPair(out, c30, c31);
  out += outRow;
  addPair(out, c40, c41);
  out += outRow;
  if (ROWS > 5) addPair(out, c50, c51);
}

/**
 * Outer-product tile of the filter gradient: acc[r][0..8) += sum_p in[a + offsets[p] + r] * dy[p][0..8), where the rows
 * r are ROWS neighbouring floats of the input and p is the pixel.
 */
export function outer8(a: usize, dy: usize, end: usize, offsets: usize, dyRow: usize, acc: usize, accRow: usize): void {
  let c00 = f32x4.splat(0), c01 = f32x4.splat(0), c10 = f32x4.splat(0), c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0), c21 = f32x4.splat(0), c30 = f32x4.splat(0), c31 = f32x4.splat(0);
  let c40 = f32x4.splat(0), c41 = f32x4.splat(0), c50 = f32x4.splat(0), c51 = f32x4.splat(0);
  while (dy < end) {
    const b0 = v128.load(dy), b1 = v128.load(dy, 16);
    dy += dyRow;
    const o = <usize>load<u32>(offsets) + a;
    offsets += 4;
    if (ROWS > 5) {
      const x5 = v128.load32_splat(o, 20);
      c51 = madd(x5, b1, c51);
      c50 = madd(x5, b0, c50);
    }
    const x4 = v128.load32_splat(o, 16);
    c41 = madd(x4, b1, c41);
    c40 = madd(x4, b0, c40);
    const x3 = v128.load32_splat(o, 12);
    c31 = madd(x3, b1, c31);
    c30 = madd(x3, b0, c30);
    const x2 = v128.load32_splat(o, 8);
    c21 = madd(x2, b1, c21);
    c20 = madd(x2, b0, c20);
    const x1 = v128.load32_splat(o, 4);
    c11 = madd(x1, b1, c11);
    c10 = madd(x1, b0, c10);
    const x0 = v128.load32_splat(o);
    c01 = madd(x0, b1, c01);
    c00 = madd(x0, b0, c00);
  }
  addPair(acc, c00, c01);
  acc += accRow;
  addPair(acc, c10, c11);
  acc += accRow;
  addPair(acc, c20, c21);
  acc += accRow;
  addPair(acc, c30, c31);
  acc += accRow;
  addPair(acc, c40, c41);
  acc += accRow;
  if (ROWS > 5) addPair(acc, c50, c51);
}

/** Outer-product tile for a panel with at most 4 channels. */
export function outer4(a: usize, dy: usize, end: usize, offsets: usize, dyRow: usize, acc: usize, accRow: usize): void {
  let c0 = f32x4.splat(0), c1 = f32x4.splat(0), c2 = f32x4.splat(0);
  let c3 = f32x4.splat(0), c4 = f32x4.splat(0), c5 = f32x4.splat(0);
  while (dy < end) {
    const b0 = v128.load(dy);
    dy += dyRow;
    const o = <usize>load<u32>(offsets) + a;
    offsets += 4;
    if (ROWS > 5) c5 = madd(v128.load32_splat(o, 20), b0, c5);
    c4 = madd(v128.load32_splat(o, 16), b0, c4);
    c3 = madd(v128.load32_splat(o, 12), b0, c3);
    c2 = madd(v128.load32_splat(o, 8), b0, c2);
    c1 = madd(v128.load32_splat(o, 4), b0, c1);
    c0 = madd(v128.load32_splat(o), b0, c0);
  }
  v128.store(acc, f32x4.add(v128.load(acc), c0));
  acc += accRow;
  v128.store(acc, f32x4.add(v128.load(acc), c1));
  acc += accRow;
  v128.store(acc, f32x4.add(v128.load(acc), c2));
  acc += accRow;
  v128.store(acc, f32x4.add(v128.load(acc), c3));
  acc += accRow;
  v128.store(acc, f32x4.add(v128.load(acc), c4));
  acc += accRow;
  if (ROWS > 5) v128.store(acc, f32x4.add(v128.load(acc), c5));
}

/**
 * Measures the most that the machine can do: the same 12 (10) accumulators, without memory. n rounds of 2 * ROWS * 8
 * operations.
 */
export function ceiling(n: i32, at: usize): void {
  const b0 = v128.load(at), b1 = v128.load(at, 16), x = v128.load(at, 32);
  let c00 = b0, c01 = b1, c10 = b0, c11 = b1, c20 = b0, c21 = b1, c30 = b0, c31 = b1, c40 = b0, c41 = b1, c50 = b0,
    c51 = b1;
  while (n > 0) {
    c00 = madd(x, b0, c00);
    c01 = madd(x, b1, c01);
    c10 = madd(x, b0, c10);
    c11 = madd(x, b1, c11);
    c20 = madd(x, b0, c20);
    c21 = madd(x, b1, c21);
    c30 = madd(x, b0, c30);
    c31 = madd(x, b1, c31);
    c40 = madd(x, b0, c40);
    c41 = madd(x, b1, c41);
    if (ROWS > 5) {
      c50 = madd(x, b0, c50);
      c51 = madd(x, b1, c51);
    }
    n--;
  }
  v128.store(at, c00, 64);
  v128.store(at, c01, 80);
  v128.store(at, c10, 96);
  v128.store(at, c11, 112);
  v128.store(at, c20, 128);
  v128.store(at, c21, 144);
  v128.store(at, c30, 160);
  v128.store(at, c31, 176);
  v128.store(at, c40, 192);
  v128.store(at, c41, 208);
  v128.store(at, c50, 224);
  v128.store(at, c51, 240);
}
