/** What lies in a run's folder, besides TensorBoard's event files. */
export const runFiles = {
  settings: 'settings.json',
  provenance: 'provenance.json',
  metrics: 'metrics.jsonl',
  checkpoints: 'checkpoints',
  /** There while a process writes to the run. */
  lock: 'run.lock',
} as const;
