import type { Experiment } from '../experiment.js';
import { runSchema, type RunSettings } from '../runSettings.js';
import { l0Presets } from './l0Presets.js';
import type { L0Run } from './l0Run.js';
import { l0Schema, type L0Settings } from './l0Settings.js';

function runName({ without_using_gate, lambda_l0, target_sparsity }: L0Settings): string {
  if (without_using_gate) return 'no gates';
  return target_sparsity === null ? `lambda ${lambda_l0}` : `target sparsity ${target_sparsity}`;
}

/** What the command line knows of the L0 experiment. */
export const l0Experiment: Experiment<RunSettings & L0Settings, L0Run> = {
  name: 'l0-googlenet',
  summary: 'close channels of GoogleNet by L0 gates',
  schema: { ...runSchema, ...l0Schema },
  presets: l0Presets,
  examples: [
    'preset=quick',
    'without_using_gate=true',
    'lambda_l0=1.0',
    'lambda_l0=20 droprate_init=0.05 ckpt_path=CHECKPOINT',
    'target_sparsity=0.5 droprate_init=0.05 lr_gates=0.01 ckpt_path=CHECKPOINT',
    'ckpt_path=CHECKPOINT resume_training=true',
    'preset=short data=synthetic sizes.train=10000 --print > settings.yaml',
    '--config settings.yaml lambda_l0=0.5',
  ],
  // Imported when needed: settings and help do without tensors.
  async run(data, settings, pretrained) {
    const { l0Run } = await import('./l0Run.js');
    return l0Run(data, settings, pretrained);
  },
  async result(run, signal) {
    const [{ l0Result }, { resultTable }] = await Promise.all([import('./l0Result.js'), import('./resultTable.js')]);
    return resultTable([await l0Result(runName(run.settings), run, signal)])[0];
  },
};
