import type { KernelClient } from '../kernel/kernelClient.js';
import type { Metadata, Notebook } from './notebook.js';
import type { AppliedParameters } from './parameters/applyParameters.js';

/** Writes into a notebook's metadata what runs it and with which values; returns what to call when the run is over. */
export function recordRun(
  notebook: Notebook,
  { given, defaults }: AppliedParameters,
  { spec, info }: KernelClient,
): (failed: boolean) => void {
  const start = new Date();
  const { name, display_name, language } = spec;
  const { metadata } = notebook;
  metadata.kernelspec ??= { name, display_name, language };
  if (info.language_info) metadata.language_info = info.language_info;
  // What the cells saw, for readers of the notebook; and papermill's record, for tools that know it.
  metadata.sparsebook = { ...(metadata.sparsebook as Metadata | undefined), parameters: { ...defaults, ...given } };
  const papermill: Metadata = { default_parameters: defaults, parameters: given, start_time: start.toISOString() };
  metadata.papermill = papermill;
  return (failed) => {
    const end = new Date();
    papermill.end_time = end.toISOString();
    papermill.duration = (end.getTime() - start.getTime()) / 1000;
    papermill.exception = failed;
  };
}
