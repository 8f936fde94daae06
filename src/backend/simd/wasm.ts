import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import type { Kernel } from './job.js';

/**
 * How the kernels run: with a product and a sum; with fused multiply-add (relaxed SIMD); or with that on 256 bits at once, where the engine
 * joins pairs of 128-bit operations. The last two give the same bits.
 */
export type Variant = 'wide' | 'fma' | 'plain';

/** (module (func (param v128 v128 v128) (result v128) local.get 0 1 2 f32x4.relaxed_madd)) */
const RELAXED_MADD = Uint8Array.from([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 8, 1, 96, 3, 123, 123, 123, 1, 123, 3, 2, 1, 0, 10, 13, 1, 11, 0, 32, 0, 32, 1, 32, 2,
  253, 0x85, 2, 11,
]);

/** The best variant that this Node can compile. Node 20 knows relaxed SIMD behind a flag, which it takes at any time. */
export function bestVariant(): Variant {
  if (!WebAssembly.validate(RELAXED_MADD)) setFlagsFromString('--experimental-wasm-relaxed-simd');
  if (!WebAssembly.validate(RELAXED_MADD)) return 'plain';
  return joinsVectors() ? 'wide' : 'fma';
}

/** Whether this engine can join pairs of 128-bit operations, and the processor has 256 bits. Before Node 24 it could not, or not well. */
function joinsVectors(): boolean {
  if (process.arch !== 'x64' || Number(process.versions.node.split('.')[0]) < 24) return false;
  try {
    return /\bavx2\b/.test(readFileSync('/proc/cpuinfo', 'latin1'));
  } catch {
    return false; // not Linux: nothing says what the processor can do
  }
}

/** Compiles the kernels that the build left beside this file. Throws if the machine has no WebAssembly SIMD. */
export function compile(variant: Variant): WebAssembly.Module {
  if (variant !== 'plain') bestVariant();
  if (variant === 'wide' && joinsVectors()) setFlagsFromString('--experimental-wasm-revectorize');
  const build = variant === 'plain' ? 'plain' : 'fma';
  return new WebAssembly.Module(readFileSync(new URL(`./kernels.${build}.wasm`, import.meta.url)));
}

/** The kernels on a memory, in an order that is the same in every thread; `wide` lets them use tiles for 256 bits. */
export function instantiate(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  wide: boolean,
): Record<string, Kernel> {
  const abort = (): never => {
    throw new Error('a simd kernel aborted');
  };
  const { exports } = new WebAssembly.Instance(module, { env: { memory, abort } });
  const functions = Object.entries(exports).filter(([, value]) => typeof value === 'function');
  const kernels = Object.fromEntries(functions) as Record<string, Kernel>;
  kernels.setWide(Number(wide));
  return kernels;
}
