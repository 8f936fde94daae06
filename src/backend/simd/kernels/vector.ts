// What every kernel counts with: four floats at a time, fused multiply-add where the machine has it.

/** Pixels (rows) of a register tile. Without fused multiply-add one register must hold the product, so one row fewer fits. */
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

/** Copies n floats, never one more. */
// @ts-ignore: decorator
@inline
export function copyFloats(from: usize, to: usize, n: i32): void {
  let i = 0;
  for (; i + 4 <= n; i += 4) v128.store(to + bytes(i), v128.load(from + bytes(i)));
  for (; i < n; i++) f32.store(to + bytes(i), f32.load(from + bytes(i)));
}
