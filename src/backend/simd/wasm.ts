import { joinsVectors, kernelBytes, setFlagsFromString } from '#platform';

/**
 * How the kernels multiply and add: in two operations (plain), in one with relaxed SIMD (fma), or in one on 256 bits at
 * a time, where the engine joins pairs of 128-bit operations (wide). The last two give the same bits.
 */
export type Variant = 'wide' | 'fma' | 'plain';

/** (module (func (param v128 v128 v128) (result v128) local.get 0 1 2 f32x4.relaxed_madd)) */
const RELAXED_MADD = Uint8Array.from([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 8, 1, 96, 3, 123, 123, 123, 1, 123, 3, 2, 1, 0, 10, 13, 1, 11, 0, 32, 0, 32, 1, 32, 2,
  253, 0x85, 2, 11,
]);

/**
 * Returns the best variant that this engine can compile. Node 20 has relaxed SIMD behind a flag, which may be set at
 * any time.
 */
export function bestVariant(): Variant {
  if (!WebAssembly.validate(RELAXED_MADD)) setFlagsFromString('--experimental-wasm-relaxed-simd');
  if (!WebAssembly.validate(RELAXED_MADD)) return 'plain';
  return joinsVectors() ? 'wide' : 'fma';
}

/** Compiles the kernels. Throws if the engine has no WebAssembly SIMD. */
export function compile(variant: Variant): WebAssembly.Module {
  if (variant !== 'plain') bestVariant();
  if (variant === 'wide' && joinsVectors()) setFlagsFromString('--experimental-wasm-revectorize');
  return new WebAssembly.Module(kernelBytes(variant === 'plain' ? 'plain' : 'fma'));
}
