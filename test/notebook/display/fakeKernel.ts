import { createRequire } from 'node:module';
import { sep } from 'node:path';
import type { Bundle } from 'sparsebook/notebook/display/output.js';

/** A display message that a cell would have sent. */
export interface Shown {
  data: Bundle;
  id: string;
  update: boolean;
}

/** Makes this process look like a kernel that runs a cell, until `leave` is called. */
export function fakeKernel(): { shown: Shown[]; leave: () => void } {
  const shown: Shown[] = [];
  const cache = createRequire(import.meta.url).cache as Record<string, unknown>;
  const file = ['', 'anywhere', 'tslab', 'dist', 'jupyter.js'].join(sep);
  const lastWriteDisplayData = (
    { data, transient }: { data: Bundle; transient: { display_id: string } },
    update: boolean,
  ): number => shown.push({ data, id: transient.display_id, update });
  cache[file] = { exports: { lastWriteDisplayData } };
  return { shown, leave: () => delete cache[file] };
}
