// Tiles of 6 pixels by 16 channels, for engines that join two neighbouring 128-bit operations into one of 256 bits
// (V8's revectorisation). They have 12 accumulators of 256 bits, while tiles of 8 channels would have too few to hide
// the latency of a multiply-add. Without joining they would need 24 accumulators in 16 registers, so they run only if
// `wide` is set. The sums are those of the narrow tiles, bit for bit.
import { clip, leastOf, madd, mostOf } from './vector';

/** Whether this engine joins 128-bit operations in pairs. */
export let wide: i32 = 0;

export function setWide(value: i32): void {
  wide = value;
}

/** The bias, output and activation of a wide tile: read from memory, since every register in the loop counts. */
@unmanaged
export class Ends {
  bias: usize;
  out: usize;
  outRow: usize;
  relu: i32;
}

/**
 * Forward tile: out[r][0..16) = relu?(bias + sum_k in[a_r + offsets[k]] * (panel[k], next[k])); `next` is the panel of
 * the following 8 channels.
 */
export function tile16(
  ends: Ends, panel: usize, next: usize, end: usize, offsets: usize, a0: usize, a1: usize, a2: usize, a3: usize,
  a4: usize, a5: usize,
): void {
  const bias = ends.bias;
  let c00 = v128.load(bias), c01 = v128.load(bias, 16), c02 = v128.load(bias, 32), c03 = v128.load(bias, 48);
  let c10 = v128.load(bias), c11 = v128.load(bias, 16), c12 = v128.load(bias, 32), c13 = v128.load(bias, 48);
  let c20 = v128.load(bias), c21 = v128.load(bias, 16), c22 = v128.load(bias, 32), c23 = v128.load(bias, 48);
  let c30 = v128.load(bias), c31 = v128.load(bias, 16), c32 = v128.load(bias, 32), c33 = v128.load(bias, 48);
  let c40 = v128.load(bias), c41 = v128.load(bias, 16), c42 = v128.load(bias, 32), c43 = v128.load(bias, 48);
  let c50 = v128.load(bias), c51 = v128.load(bias, 16), c52 = v128.load(bias, 32), c53 = v128.load(bias, 48);
  while (panel < end) {
    const b0 = v128.load(panel), b1 = v128.load(panel, 16);
    const b2 = v128.load(next), b3 = v128.load(next, 16);
    panel += 32;
    next += 32;
    const o = <usize>load<u32>(offsets);
    offsets += 4;
    const x0 = v128.load32_splat(a0 + o);
    c00 = madd(x0, b0, c00); c01 = madd(x0, b1, c01); c02 = madd(x0, b2, c02); c03 = madd(x0, b3, c03);
    const x1 = v128.load32_splat(a1 + o);
    c10 = madd(x1, b0, c10); c11 = madd(x1, b1, c11); c12 = madd(x1, b2, c12); c13 = madd(x1, b3, c13);
    const x2 = v128.load32_splat(a2 + o);
    c20 = madd(x2, b0, c20); c21 = madd(x2, b1, c21); c22 = madd(x2, b2, c22); c23 = madd(x2, b3, c23);
    const x3 = v128.load32_splat(a3 + o);
    c30 = madd(x3, b0, c30); c31 = madd(x3, b1, c31); c32 = madd(x3, b2, c32); c33 = madd(x3, b3, c33);
    const x4 = v128.load32_splat(a4 + o);
    c40 = madd(x4, b0, c40); c41 = madd(x4, b1, c41); c42 = madd(x4, b2, c42); c43 = madd(x4, b3, c43);
    const x5 = v128.load32_splat(a5 + o);
    c50 = madd(x5, b0, c50); c51 = madd(x5, b1, c51); c52 = madd(x5, b2, c52); c53 = madd(x5, b3, c53);
  }
  const outRow = ends.outRow, least = leastOf(ends.relu), most = mostOf(ends.relu);
  let out = ends.out;
  storeRow(out, clip(c00, least, most), clip(c01, least, most), clip(c02, least, most), clip(c03, least, most));
  out += outRow;
  storeRow(out, clip(c10, least, most), clip(c11, least, most), clip(c12, least, most), clip(c13, least, most));
  out += outRow;
  storeRow(out, clip(c20, least, most), clip(c21, least, most), clip(c22, least, most), clip(c23, least, most));
  out += outRow;
  storeRow(out, clip(c30, least, most), clip(c31, least, most), clip(c32, least, most), clip(c33, least, most));
  out += outRow;
  storeRow(out, clip(c40, least, most), clip(c41, least, most), clip(c42, least, most), clip(c43, least, most));
  out += outRow;
  storeRow(out, clip(c50, least, most), clip(c51, least, most), clip(c52, least, most), clip(c53, least, most));
}

// @ts-ignore: decorator
@inline
function storeRow(to: usize, c0: v128, c1: v128, c2: v128, c3: v128): void {
  v128.store(to, c0);
  v128.store(to, c1, 16);
  v128.store(to, c2, 32);
  v128.store(to, c3, 48);
}

/** Outer-product tile of the filter gradient: acc[r][0..16) += sum_p in[a + offsets[p] + r] * dy[p][0..16). */
export function outer16(
  a: usize, dy: usize, end: usize, offsets: usize, dyRow: usize, acc: usize, accRow: usize,
): void {
  let c00 = f32x4.splat(0), c01 = f32x4.splat(0), c02 = f32x4.splat(0), c03 = f32x4.splat(0);
  let c10 = f32x4.splat(0), c11 = f32x4.splat(0), c12 = f32x4.splat(0), c13 = f32x4.splat(0);
  let c20 = f32x4.splat(0), c21 = f32x4.splat(0), c22 = f32x4.splat(0), c23 = f32x4.splat(0);
  let c30 = f32x4.splat(0), c31 = f32x4.splat(0), c32 = f32x4.splat(0), c33 = f32x4.splat(0);
  let c40 = f32x4.splat(0), c41 = f32x4.splat(0), c42 = f32x4.splat(0), c43 = f32x4.splat(0);
  let c50 = f32x4.splat(0), c51 = f32x4.splat(0), c52 = f32x4.splat(0), c53 = f32x4.splat(0);
  while (dy < end) {
    const b0 = v128.load(dy), b1 = v128.load(dy, 16), b2 = v128.load(dy, 32), b3 = v128.load(dy, 48);
    dy += dyRow;
    const o = <usize>load<u32>(offsets) + a;
    offsets += 4;
    const x0 = v128.load32_splat(o);
    c00 = madd(x0, b0, c00); c01 = madd(x0, b1, c01); c02 = madd(x0, b2, c02); c03 = madd(x0, b3, c03);
    const x1 = v128.load32_splat(o, 4);
    c10 = madd(x1, b0, c10); c11 = madd(x1, b1, c11); c12 = madd(x1, b2, c12); c13 = madd(x1, b3, c13);
    const x2 = v128.load32_splat(o, 8);
    c20 = madd(x2, b0, c20); c21 = madd(x2, b1, c21); c22 = madd(x2, b2, c22); c23 = madd(x2, b3, c23);
    const x3 = v128.load32_splat(o, 12);
    c30 = madd(x3, b0, c30); c31 = madd(x3, b1, c31); c32 = madd(x3, b2, c32); c33 = madd(x3, b3, c33);
    const x4 = v128.load32_splat(o, 16);
    c40 = madd(x4, b0, c40); c41 = madd(x4, b1, c41); c42 = madd(x4, b2, c42); c43 = madd(x4, b3, c43);
    const x5 = v128.load32_splat(o, 20);
    c50 = madd(x5, b0, c50); c51 = madd(x5, b1, c51); c52 = madd(x5, b2, c52); c53 = madd(x5, b3, c53);
  }
  addRow(acc, c00, c01, c02, c03);
  acc += accRow;
  addRow(acc, c10, c11, c12, c13);
  acc += accRow;
  addRow(acc, c20, c21, c22, c23);
  acc += accRow;
  addRow(acc, c30, c31, c32, c33);
  acc += accRow;
  addRow(acc, c40, c41, c42, c43);
  acc += accRow;
  addRow(acc, c50, c51, c52, c53);
}

/** Adds 16 floats to memory: all loads come before the first store, otherwise the pairs could not be joined. */
// @ts-ignore: decorator
@inline
function addRow(at: usize, c0: v128, c1: v128, c2: v128, c3: v128): void {
  const r0 = f32x4.add(v128.load(at), c0), r1 = f32x4.add(v128.load(at, 16), c1);
  const r2 = f32x4.add(v128.load(at, 32), c2), r3 = f32x4.add(v128.load(at, 48), c3);
  v128.store(at, r0);
  v128.store(at, r1, 16);
  v128.store(at, r2, 32);
  v128.store(at, r3, 48);
}
