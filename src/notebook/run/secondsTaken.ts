import type { CodeCell } from './notebook.js';

/** How long a cell ran, in seconds, from the timing that runners and Jupyter note down; undefined where there is none. */
export function secondsTaken({ metadata }: CodeCell): number | undefined {
  const timing = (metadata.execution ?? {}) as Record<string, string | undefined>;
  const start = timing['iopub.execute_input'] ?? timing['iopub.status.busy'];
  const end = timing['shell.execute_reply'] ?? timing['iopub.status.idle'];
  const seconds = (Date.parse(end ?? '') - Date.parse(start ?? '')) / 1000;
  return seconds >= 0 ? seconds : undefined;
}
