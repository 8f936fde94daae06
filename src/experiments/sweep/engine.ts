import type { SweepPoint } from './points.js';
import type { Sweep } from './sweep.js';

/**
 * Trains the runs of a sweep: in processes of this machine, or with a program that hands work out to several machines.
 */
export interface Engine {
  /** Whether the work continues when the process that asked for it ends. */
  readonly outlives: boolean;
  /** Throws a UserError for what would make the work fail later: a missing partition, a server that does not answer. */
  check(sweep: Sweep): Promise<void>;
  /**
   * Has the points trained, each once the point that it starts from is done. An engine that outlives this process
   * returns when all points are handed over; any other when all are done, or have saved and stopped after `signal`
   * aborted.
   */
  run(sweep: Sweep, points: readonly SweepPoint[], signal: AbortSignal): Promise<void>;
  /** Takes back the waiting points, after all active runs were asked to stop through the sweep's folder. */
  cancel(sweep: Sweep): Promise<void>;
  /** Why points will not run, by id, if the engine knows more than their files. */
  failures(sweep: Sweep): Promise<Map<string, string>>;
  /** What currently keeps a whole sweep from continuing, if anything, in a few words. */
  notice?(sweep: Sweep): Promise<string | undefined>;
}
