import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import type { Kernel } from './job.js';

/** Which of the two builds of the kernels runs: with fused multiply-add (relaxed SIMD), or with a product and a sum. */
export type Variant = 'fma' | 'plain';

/** (module (func (param v128 v128 v128) (result v128) local.get 0 1 2 f32x4.relaxed_madd)) */
const RELAXED_MADD = Uint8Array.from([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 8, 1, 96, 3, 123, 123, 123, 1, 123, 3, 2, 1, 0, 10, 13, 1, 11, 0, 32, 0, 32, 1, 32, 2,
  253, 0x85, 2, 11,
]);

/** The best variant that this Node can compile. Node 20 knows relaxed SIMD behind a flag, which it takes at any time. */
export function bestVariant(): Variant {
  if (!WebAssembly.validate(RELAXED_MADD)) setFlagsFromString('--experimental-wasm-relaxed-simd');
  return WebAssembly.validate(RELAXED_MADD) ? 'fma' : 'plain';
}

/** Compiles the kernels that the build left beside this file. Throws if the machine has no WebAssembly SIMD. */
export function compile(variant: Variant): WebAssembly.Module {
  if (variant === 'fma') bestVariant();
  return new WebAssembly.Module(readFileSync(new URL(`./kernels.${variant}.wasm`, import.meta.url)));
}

/** The kernels on a memory, in an order that is the same in every thread. */
export function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): Record<string, Kernel> {
  const abort = (): never => {
    throw new Error('a simd kernel aborted');
  };
  const { exports } = new WebAssembly.Instance(module, { env: { memory, abort } });
  const functions = Object.entries(exports).filter(([, value]) => typeof value === 'function');
  return Object.fromEntries(functions) as Record<string, Kernel>;
}
