import { setFlagsFromString } from '#platform';
import type { SimdBackend } from '../simdBackend.js';

const known = new WeakMap<SimdBackend, boolean>();

/**
 * Whether the tiles that add products in one operation are correct here, tested once. In V8 13.6 they are correct as
 * compiled by its optimizing compiler, but not by its baseline compiler, which is off while they are first called.
 */
export function joinsProducts(backend: SimdBackend): boolean {
  const found = known.get(backend);
  if (found !== undefined) return found;
  setFlagsFromString('--no-liftoff');
  try {
    const joined = backend.variant !== 'plain' && ['int8Tile8', 'int8Tile16'].every((tile) => isSame(backend, tile));
    known.set(backend, joined);
    return joined;
  } finally {
    setFlagsFromString('--liftoff');
  }
}

/** Whether the two forms of a tile give the same sums for codes and weights of all kinds. */
function isSame(backend: SimdBackend, tile: string): boolean {
  const STEPS = 8;
  const size = { panel: STEPS * 32, start: 64, codes: 6 * STEPS * 4, sums: 6 * 64 };
  return backend.withBlock(2 * size.panel + size.start + size.codes + 2 * size.sums + STEPS * 4, (panel) => {
    const next = panel + size.panel;
    const start = next + size.panel;
    const codes = start + size.start;
    const sums = codes + size.codes;
    const offsets = sums + 2 * size.sums;
    const { buffer } = backend.heap.memory;
    new Int8Array(buffer, panel, 2 * size.panel).forEach((_, i, weights) => (weights[i] = ((i * 61) % 255) - 127));
    new Int32Array(buffer, start, 16).forEach((_, i, values) => (values[i] = i * 1000003));
    new Int8Array(buffer, codes, size.codes).forEach((_, i, values) => (values[i] = (i * 37) % 128));
    new Uint32Array(buffer, offsets, STEPS).forEach((_, i, places) => (places[i] = i * 4));
    const pixels = [0, 1, 2, 3, 4, 5].map((r) => codes + r * STEPS * 4);
    const results = ['', 'Joined'].map((form, i) => {
      const to = sums + i * size.sums;
      const panels = tile === 'int8Tile16' ? [panel, next] : [panel];
      backend.pool.kernels[tile + form](...panels, panel + size.panel, offsets, start, to, ...pixels);
      return new Int32Array(buffer, to, 6 * (tile === 'int8Tile16' ? 16 : 8)).join();
    });
    return results[0] === results[1];
  });
}
