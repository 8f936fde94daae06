import type { SweepPoint } from './points.js';
import type { Sweep } from './sweep.js';

/**
 * What a sweep's runs are trained with: the machine's own processes, or a program that hands work out to several
 * machines.
 */
export interface Engine {
  /** Whether the work goes on when the process that asked for it ends. */
  readonly outlives: boolean;
  /**
   * Throws a UserError for what would let the work fail later: a partition that is not there, a server that does not
   * answer.
   */
  check(sweep: Sweep): Promise<void>;
  /**
   * Has the points trained, each once what it starts from is done. One that outlives this process returns when all are
   * handed over; another when all are done, or have saved and stopped after `signal` aborted.
   */
  run(sweep: Sweep, points: readonly SweepPoint[], signal: AbortSignal): Promise<void>;
  /** Takes back what waits, after all that runs was asked to stop through the sweep's folder. */
  cancel(sweep: Sweep): Promise<void>;
  /** Why points will not run, by id, as far as the engine knows more than their files. */
  failures(sweep: Sweep): Promise<Map<string, string>>;
  /** What keeps all of a sweep from going on at present, if anything, in a few words. */
  notice?(sweep: Sweep): Promise<string | undefined>;
}
