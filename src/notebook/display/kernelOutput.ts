import { createRequire } from 'node:module';
import { sep } from 'node:path';

/** What a cell shows, as one thing in several forms: MIME type to content. A viewer picks the richest it knows. */
export type Bundle = Record<string, unknown>;

interface DisplayData {
  data: Bundle;
  metadata: Record<string, unknown>;
  transient: { display_id: string };
}

/** Sends display_data, or update_display_data, on behalf of the cell that runs. */
export type WriteDisplayData = (content: DisplayData, update: boolean) => void;

const tslabJupyter = ['', 'tslab', 'dist', 'jupyter.js'].join(sep);

/**
 * The output of the cell that runs, or null outside of a notebook.
 *
 * It belongs to the tslab that runs the cell, and this may be a globally installed one: importing `tslab` from here would
 * load a second, mute copy. So we look for the one that the process has loaded already.
 */
export function kernelOutput(): WriteDisplayData | null {
  const loaded = createRequire(import.meta.url).cache;
  for (const [file, module] of Object.entries(loaded)) {
    if (!file.endsWith(tslabJupyter)) continue;
    const { lastWriteDisplayData } = (module?.exports ?? {}) as { lastWriteDisplayData?: WriteDisplayData | null };
    if (lastWriteDisplayData) return lastWriteDisplayData;
  }
  return null;
}
