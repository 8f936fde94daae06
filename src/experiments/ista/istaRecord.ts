import type { CompactionReport, LayerWidth } from '../../compact/index.js';
import type { EpochEvent } from '../../training/events.js';
import type { PairedChange } from '../../training/evaluate.js';
import type { ResultRow } from '../resultRow.js';
import { istaResult } from './istaResult.js';
import type { IstaLogEntry, IstaRun } from './istaRun.js';

/** What is kept of a trained version: plain JSON. */
export interface IstaRecord {
  /** The version that the run started from. */
  version: number;
  l1_penalty: number;
  weight_decay: number;
  learning_rate: number;
  result: ResultRow;
  log: IstaLogEntry[];
  /** Scores after each epoch; accuracy from 0 to 1. */
  validation: { step: number; loss: number; accuracy: number }[];
}

/** What `npm run sweep:ista` saved of the protocol: warm-up, higher penalty, compaction, fine-tuning. */
export interface IstaProtocol {
  about: { data: string; machine: string; sizes: Record<string, number>; settings: Record<string, unknown> };
  versions: IstaRecord[];
  compaction?: { widths: LayerWidth[]; report: CompactionReport; explanation: string };
  /** What `compareCompactions` says of version 1's network. */
  compactions?: ResultRow[];
  /** The compact network before fine-tuning: shares of right answers, from 0 to 1. */
  compacted?: { validation: number; test: number };
  /** What fine-tuning changed, test image by test image. */
  change?: PairedChange;
}

/** One of the sweep's short runs, all from the same network. */
export interface IstaSweepRun {
  l1_penalty: number;
  weight_decay: number;
  validation: number;
  fakeSparsity: number;
  groupLasso: number;
  log: { step: number; loss: number; fakeSparsity: number; groupLasso: number }[];
}

/** What `npm run sweep:ista` saved of its short runs with other penalties and weight decays. */
export interface IstaSweep {
  about: IstaProtocol['about'];
  /** The network that all of them start from. */
  start: { validation: number; fakeSparsity: number };
  runs: IstaSweepRun[];
}

/** Measures a trained run and puts together what is kept of it. The test images are seen here. */
export async function istaRecord(run: IstaRun, signal?: AbortSignal): Promise<IstaRecord> {
  const { checkpoint_version, l1_penalty, weight_decay, learning_rate } = run.settings;
  const epochs = run.history.filter((event): event is EpochEvent => event.type === 'epoch');
  return {
    version: checkpoint_version!,
    l1_penalty,
    weight_decay,
    learning_rate,
    result: await istaResult(run, signal),
    log: run.log,
    validation: epochs.flatMap(({ step, validation }) => (validation ? [{ step, ...validation }] : [])),
  };
}
