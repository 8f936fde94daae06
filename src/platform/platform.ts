/** What `#platform` exports: Node's side (node.ts) says what there is. */
export type Platform = typeof import('./node.js');

type Complete<T extends Platform> = T;
/** The browser's side, which must have all of it. */
export type BrowserPlatform = Complete<typeof import('./browser.js')>;

/** A build of the simd backend's kernels: with relaxed SIMD (fused multiply-add) or without. */
export type KernelBuild = 'fma' | 'plain';

/** A thread that was started. */
export interface Thread {
  terminate(): unknown;
}
