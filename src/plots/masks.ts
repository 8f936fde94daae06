/** How many of a layer's channels are open (mask not 0), and how many there are. */
export function openCount(mask: Float32Array): { open: number; all: number } {
  return { open: mask.reduce((sum, value) => sum + (value === 0 ? 0 : 1), 0), all: mask.length };
}

/** The same over several layers. */
export function openCountOf(masks: Iterable<Float32Array>): { open: number; all: number } {
  let open = 0;
  let all = 0;
  for (const mask of masks) {
    const count = openCount(mask);
    open += count.open;
    all += count.all;
  }
  return { open, all };
}

/** A layer's name without the part that every gate has: `block1_3x3_gate` becomes `block1 3x3`. */
export function layerLabel(layer: string): string {
  return layer.replace(/_gate$/, '').replaceAll('_', ' ');
}

/** A layer's name from its kernel's: `stage1_block2_first_conv/kernel` becomes `stage1 block2 first`. */
export function kernelLabel(kernel: string): string {
  return kernel.replace(/(_conv)?\/kernel$/, '').replaceAll('_', ' ');
}
