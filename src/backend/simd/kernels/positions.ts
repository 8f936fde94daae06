// Where in its window a maximum was: the number of its tap, one byte a value.

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
