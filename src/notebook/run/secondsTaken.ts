import { isObject, type CodeCell } from './notebook.js';

/** How long a cell ran, in seconds, from the timing that runners and Jupyter note down; undefined where there is none. */
export function secondsTaken({ metadata }: CodeCell): number | undefined {
  const timing = isObject(metadata.execution) ? metadata.execution : {};
  const time = (...names: string[]): number => {
    const noted = names.map((name) => timing[name]).find((value) => typeof value === 'string');
    return Date.parse(noted ?? '');
  };
  const start = time('iopub.execute_input', 'iopub.status.busy');
  const end = time('shell.execute_reply', 'iopub.status.idle');
  const seconds = (end - start) / 1000;
  return seconds >= 0 ? seconds : undefined;
}
