/** What lies in a run's folder, besides TensorBoard's event files. */
export const runFiles = {
  settings: 'settings.json',
  provenance: 'provenance.json',
  metrics: 'metrics.jsonl',
  checkpoints: 'checkpoints',
} as const;
