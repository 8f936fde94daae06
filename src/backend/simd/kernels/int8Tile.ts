// Tiles of integer convolutions (int8.ts): codes of 7 bits times weights of 8 bits, in sums of 32 bits.

/**
 * sum + w * x, four products per lane. x has 7 bits, so that no engine may saturate or read a sign. `joined` does it in
 * one operation, which is the fastest but wrong in the code that the baseline compiler of some engines makes (V8 13.6):
 * pass it only if `joinsProducts` allows it.
 */
// @ts-ignore: decorator
@inline
function dot(joined: bool, w: v128, x: v128, sum: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) {
    if (joined) return i32x4.relaxed_dot_i8x16_i7x16_add_s(w, x, sum);
    return i32x4.add(sum, i32x4.extadd_pairwise_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(w, x)));
  }
  const low = i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(w), i16x8.extend_low_i8x16_s(x));
  const high = i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(w), i16x8.extend_high_i8x16_s(x));
  const even = v128.shuffle<i32>(low, high, 0, 2, 4, 6), odd = v128.shuffle<i32>(low, high, 1, 3, 5, 7);
  return i32x4.add(sum, i32x4.add(even, odd));
}

/**
 * Six pixels by 8 channels: out[r][0..8) = start + sum_k x[a_r + offsets[k]] * panel[k], 32 bytes per row. Like tile8
 * in tile.ts, with the same rules.
 */
// @ts-ignore: decorator
@inline
function tile8(
  joined: bool, panel: usize, end: usize, offsets: usize, start: usize, out: usize, a0: usize, a1: usize, a2: usize,
  a3: usize, a4: usize, a5: usize,
): void {
  let c00 = v128.load(start), c01 = v128.load(start, 16);
  let c10 = c00, c11 = c01, c20 = c00, c21 = c01, c30 = c00, c31 = c01, c40 = c00, c41 = c01, c50 = c00, c51 = c01;
  while (panel < end) {
    const b0 = v128.load(panel), b1 = v128.load(panel, 16);
    panel += 32;
    const o = <usize>load<u32>(offsets);
    offsets += 4;
    const x0 = v128.load32_splat(a0 + o);
    c00 = dot(joined, b0, x0, c00); c01 = dot(joined, b1, x0, c01);
    const x1 = v128.load32_splat(a1 + o);
    c10 = dot(joined, b0, x1, c10); c11 = dot(joined, b1, x1, c11);
    const x2 = v128.load32_splat(a2 + o);
    c20 = dot(joined, b0, x2, c20); c21 = dot(joined, b1, x2, c21);
    const x3 = v128.load32_splat(a3 + o);
    c30 = dot(joined, b0, x3, c30); c31 = dot(joined, b1, x3, c31);
    const x4 = v128.load32_splat(a4 + o);
    c40 = dot(joined, b0, x4, c40); c41 = dot(joined, b1, x4, c41);
    const x5 = v128.load32_splat(a5 + o);
    c50 = dot(joined, b0, x5, c50); c51 = dot(joined, b1, x5, c51);
  }
  v128.store(out, c00); v128.store(out, c01, 16);
  v128.store(out, c10, 32); v128.store(out, c11, 48);
  v128.store(out, c20, 64); v128.store(out, c21, 80);
  v128.store(out, c30, 96); v128.store(out, c31, 112);
  v128.store(out, c40, 128); v128.store(out, c41, 144);
  v128.store(out, c50, 160); v128.store(out, c51, 176);
}

/**
 * The same for 16 channels, 64 bytes per row, on engines that join vectors in pairs; `next` is the panel of the last 8
 * channels.
 */
// @ts-ignore: decorator
@inline
function tile16(
  joined: bool, panel: usize, next: usize, end: usize, offsets: usize, start: usize, out: usize,
  a0: usize, a1: usize, a2: usize, a3: usize, a4: usize, a5: usize,
): void {
  let c00 = v128.load(start), c01 = v128.load(start, 16), c02 = v128.load(start, 32), c03 = v128.load(start, 48);
  let c10 = v128.load(start), c11 = v128.load(start, 16), c12 = v128.load(start, 32), c13 = v128.load(start, 48);
  let c20 = v128.load(start), c21 = v128.load(start, 16), c22 = v128.load(start, 32), c23 = v128.load(start, 48);
  let c30 = v128.load(start), c31 = v128.load(start, 16), c32 = v128.load(start, 32), c33 = v128.load(start, 48);
  let c40 = v128.load(start), c41 = v128.load(start, 16), c42 = v128.load(start, 32), c43 = v128.load(start, 48);
  let c50 = v128.load(start), c51 = v128.load(start, 16), c52 = v128.load(start, 32), c53 = v128.load(start, 48);
  while (panel < end) {
    const b0 = v128.load(panel), b1 = v128.load(panel, 16);
    const b2 = v128.load(next), b3 = v128.load(next, 16);
    panel += 32;
    next += 32;
    const o = <usize>load<u32>(offsets);
    offsets += 4;
    const x0 = v128.load32_splat(a0 + o);
    c00 = dot(joined, b0, x0, c00); c01 = dot(joined, b1, x0, c01); c02 = dot(joined, b2, x0, c02);
    c03 = dot(joined, b3, x0, c03);
    const x1 = v128.load32_splat(a1 + o);
    c10 = dot(joined, b0, x1, c10); c11 = dot(joined, b1, x1, c11); c12 = dot(joined, b2, x1, c12);
    c13 = dot(joined, b3, x1, c13);
    const x2 = v128.load32_splat(a2 + o);
    c20 = dot(joined, b0, x2, c20); c21 = dot(joined, b1, x2, c21); c22 = dot(joined, b2, x2, c22);
    c23 = dot(joined, b3, x2, c23);
    const x3 = v128.load32_splat(a3 + o);
    c30 = dot(joined, b0, x3, c30); c31 = dot(joined, b1, x3, c31); c32 = dot(joined, b2, x3, c32);
    c33 = dot(joined, b3, x3, c33);
    const x4 = v128.load32_splat(a4 + o);
    c40 = dot(joined, b0, x4, c40); c41 = dot(joined, b1, x4, c41); c42 = dot(joined, b2, x4, c42);
    c43 = dot(joined, b3, x4, c43);
    const x5 = v128.load32_splat(a5 + o);
    c50 = dot(joined, b0, x5, c50); c51 = dot(joined, b1, x5, c51); c52 = dot(joined, b2, x5, c52);
    c53 = dot(joined, b3, x5, c53);
  }
  v128.store(out, c00); v128.store(out, c01, 16); v128.store(out, c02, 32); v128.store(out, c03, 48);
  out += 64;
  v128.store(out, c10); v128.store(out, c11, 16); v128.store(out, c12, 32); v128.store(out, c13, 48);
  out += 64;
  v128.store(out, c20); v128.store(out, c21, 16); v128.store(out, c22, 32); v128.store(out, c23, 48);
  out += 64;
  v128.store(out, c30); v128.store(out, c31, 16); v128.store(out, c32, 32); v128.store(out, c33, 48);
  out += 64;
  v128.store(out, c40); v128.store(out, c41, 16); v128.store(out, c42, 32); v128.store(out, c43, 48);
  out += 64;
  v128.store(out, c50); v128.store(out, c51, 16); v128.store(out, c52, 32); v128.store(out, c53, 48);
}

// Separate exported functions, so that V8 keeps the accumulators in registers (see tile.ts).

export function int8Tile8(
  panel: usize, end: usize, offsets: usize, start: usize, out: usize, a0: usize, a1: usize, a2: usize, a3: usize,
  a4: usize, a5: usize,
): void {
  tile8(false, panel, end, offsets, start, out, a0, a1, a2, a3, a4, a5);
}

export function int8Tile16(
  panel: usize, next: usize, end: usize, offsets: usize, start: usize, out: usize,
  a0: usize, a1: usize, a2: usize, a3: usize, a4: usize, a5: usize,
): void {
  tile16(false, panel, next, end, offsets, start, out, a0, a1, a2, a3, a4, a5);
}

export function int8Tile8Joined(
  panel: usize, end: usize, offsets: usize, start: usize, out: usize, a0: usize, a1: usize, a2: usize, a3: usize,
  a4: usize, a5: usize,
): void {
  tile8(true, panel, end, offsets, start, out, a0, a1, a2, a3, a4, a5);
}

export function int8Tile16Joined(
  panel: usize, next: usize, end: usize, offsets: usize, start: usize, out: usize,
  a0: usize, a1: usize, a2: usize, a3: usize, a4: usize, a5: usize,
): void {
  tile16(true, panel, next, end, offsets, start, out, a0, a1, a2, a3, a4, a5);
}
