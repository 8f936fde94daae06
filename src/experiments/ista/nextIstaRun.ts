import type { ReportOptions } from '../../compact/index.js';
import { asEvaluated } from '../asEvaluated.js';
import { givenIn } from '../settings/given.js';
import type { SomeSettings } from '../settings/schema.js';
import { settle } from '../settings/settle.js';
import { istaRun, type IstaRun } from './istaRun.js';
import { istaSchema, type IstaSettings } from './istaSettings.js';
import { reported, type ReportedRun } from './reported.js';

/**
 * The run of the next version: from the network of the run before, as that is evaluated, on the same images and with its
 * settings, except that `l1_penalty`, `max_steps` and `learning_rate` are what the new version is published with. What is
 * given replaces any of them. Version 2 starts from what compaction leaves, and has a `report` of that, measured as
 * `measured` says.
 *
 * Throws a UserError for settings that make no sense. The caller disposes both runs.
 */
export function nextIstaRun(
  before: IstaRun,
  given: SomeSettings<IstaSettings> = {},
  measured: ReportOptions = {},
): Promise<ReportedRun> {
  const { l1_penalty: _, max_steps: __, learning_rate: ___, ...kept } = before.settings;
  // A version from which another one starts has a number.
  const checkpoint_version = before.settings.checkpoint_version! + 1;
  const schema = istaSchema(before.kind);
  const known = Object.fromEntries(Object.entries(kept).filter(([name]) => name in schema));
  const settings = settle(schema, givenIn({ checkpoint_version, ...given }), givenIn(known));
  return asEvaluated(before, () => reported(istaRun(before.kind, before.data, settings, before.model), measured));
}
