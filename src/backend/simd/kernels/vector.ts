// Basic operations of all kernels: on four floats at a time, with fused multiply-add where the machine has it.

/**
 * Pixels (rows) of a register tile. Without fused multiply-add, a register must hold the product, so one row fewer
 * fits.
 */
// @ts-ignore: decorator
@inline
export const ROWS: i32 = ASC_FEATURE_RELAXED_SIMD ? 6 : 5;

/** a * b + c */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  else return f32x4.add(c, f32x4.mul(a, b));
}

/** c - a * b */
// @ts-ignore: decorator
@inline
export function nmadd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_nmadd(a, b, c);
  else return f32x4.sub(c, f32x4.mul(a, b));
}

/** Returns number i of a table of floats in every lane: a constant in the code would be rebuilt wherever it is used. */
// @ts-ignore: decorator
@inline
export function constant(table: usize, i: i32): v128 {
  return v128.load32_splat(table + bytes(i));
}

/** Stores eight floats. */
// @ts-ignore: decorator
@inline
export function storePair(to: usize, first: v128, second: v128): void {
  v128.store(to, first);
  v128.store(to, second, 16);
}

/** Adds eight floats to those in memory. */
// @ts-ignore: decorator
@inline
export function addPair(to: usize, first: v128, second: v128): void {
  v128.store(to, f32x4.add(v128.load(to), first));
  v128.store(to, f32x4.add(v128.load(to, 16), second), 16);
}

// A job may call a chunk's kernel several times, each time with some of the chunk's items: for all calls but the first,
// CONTINUED is added to the chunk's number.
const CONTINUED: i32 = 1 << 16;

/** Whether a summing kernel continues with the sums that it has of this chunk. */
// @ts-ignore: decorator
@inline
export function continues(chunk: i32): bool {
  return chunk >= CONTINUED;
}

/** The number of a chunk. */
// @ts-ignore: decorator
@inline
export function numberOf(chunk: i32): i32 {
  return chunk & (CONTINUED - 1);
}

/** n rounded up to a multiple of 4 (a vector) or 8 (a panel of a filter). */
// @ts-ignore: decorator
@inline
export function up4(n: i32): i32 {
  return (n + 3) & ~3;
}

// @ts-ignore: decorator
@inline
export function up8(n: i32): i32 {
  return (n + 7) & ~7;
}

/** Bytes of n floats. */
// @ts-ignore: decorator
@inline
export function bytes(n: i32): usize {
  return (<usize>n) << 2;
}

// @ts-ignore: decorator
@lazy
const BOUNDS = memory.data<f32>([-Infinity, 0, Infinity, 6]);

/**
 * The bounds of an activation: none, with relu at least 0, with relu 6 also at most 6. They are loaded from memory
 * because engines do not join operations on a vector built from a number selected at run time.
 */
// @ts-ignore: decorator
@inline
export function leastOf(relu: i32): v128 {
  return constant(BOUNDS, i32(relu != 0));
}

// @ts-ignore: decorator
@inline
export function mostOf(relu: i32): v128 {
  return constant(BOUNDS, 2 + i32(relu == 6));
}

/** Clips v to [least, most]; NaN stays NaN. */
// @ts-ignore: decorator
@inline
export function clip(v: v128, least: v128, most: v128): v128 {
  return f32x4.pmin(f32x4.pmax(v, least), most);
}

/** Copies exactly n floats, with their activation applied. */
// @ts-ignore: decorator
@inline
export function copyFloats(from: usize, to: usize, n: i32, relu: i32 = 0): void {
  const least = leastOf(relu), most = mostOf(relu);
  if (n < 4) return storeLanes(to, clip(v128.load(from), least, most), n);
  for (let i = 0; i < n - 4; i += 4) v128.store(to + bytes(i), clip(v128.load(from + bytes(i)), least, most));
  // The last vector overlaps the one before it: quicker than lane by lane.
  v128.store(to + bytes(n - 4), clip(v128.load(from + bytes(n - 4)), least, most));
}

/** Adds n floats to n others. */
// @ts-ignore: decorator
@inline
export function addFloats(from: usize, to: usize, n: i32): void {
  let i = 0;
  for (; i + 4 <= n; i += 4) v128.store(to + bytes(i), f32x4.add(v128.load(to + bytes(i)), v128.load(from + bytes(i))));
  for (; i < n; i++) f32.store(to + bytes(i), f32.load(to + bytes(i)) + f32.load(from + bytes(i)));
}

/** Stores the first `n` lanes: all four if n >= 4. The memory after them may belong to another block. */
// @ts-ignore: decorator
@inline
export function storeLanes(to: usize, v: v128, n: i32): void {
  if (n >= 4) v128.store(to, v);
  else {
    v128.store32_lane(to, v, 0);
    if (n > 1) v128.store32_lane(to, v, 1, 4);
    if (n > 2) v128.store32_lane(to, v, 2, 8);
  }
}

/** Adds four floats to four doubles in memory. */
// @ts-ignore: decorator
@inline
export function addToDoubles(to: usize, v: v128): void {
  v128.store(to, f64x2.add(v128.load(to), f64x2.promote_low_f32x4(v)));
  v128.store(to, f64x2.add(v128.load(to, 16), f64x2.promote_low_f32x4(i32x4.shuffle(v, v, 2, 3, 0, 1))), 16);
}

// The position of a maximum in its window: the number of its tap, one byte per value.

// @ts-ignore: decorator
@inline
export function packPositions(id: v128): v128 {
  const halves = i16x8.narrow_i32x4_u(id, id);
  return i8x16.narrow_i16x8_u(halves, halves);
}

// @ts-ignore: decorator
@inline
export function storePositions(to: usize, id: v128, n: i32): void {
  const packed = packPositions(id);
  if (n >= 4) v128.store32_lane(to, packed, 0);
  else for (let i = 0; i < n; i++) store<u8>(to + i, <u8>(i32x4.extract_lane(packed, 0) >>> (8 * i)));
}
