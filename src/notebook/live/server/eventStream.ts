import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../../../errors.js';
import { reportingErrors, reportError } from '../reportErrors.js';
import type { LiveSession } from '../liveSession.js';
import type { Patch } from '../protocol.js';
import { beginEvents } from './respond.js';

/** Changes that come soon after one another travel together. */
const JOIN_MILLISECONDS = 40;
/** Something is said at least this often, so that a lost connection is noticed. */
const HEARTBEAT_MILLISECONDS = 10_000;
/** The longest that outputs of a notebook just opened wait. */
const PATIENCE_MILLISECONDS = 3000;
/**
 * A page that reads nothing for so long is disconnected, since what waits for it takes memory; it connects again when
 * it is back.
 */
const DEAF_MILLISECONDS = 60_000;
/** Pages at once; each holds a connection and, at worst, a patch that it has not read yet. */
export const MOST_PAGES = 100;

let pages = 0;

/**
 * Sends a page all that it does not know yet (it names the epoch and version that it has seen), and then every change,
 * until it goes. A page that reads slowly is sent less often, never less: at most one patch waits for it. Throws a
 * UserError when there are too many pages.
 */
export function streamEvents(response: ServerResponse, session: LiveSession, seen: string): void {
  // Gone while the notebook was being opened: nothing would ever end the heartbeat.
  if (response.destroyed || !response.socket || response.socket.destroyed) return;
  if (pages >= MOST_PAGES) throw new UserError(`${MOST_PAGES} pages are open at once, and no more can be; close some`);
  pages++;
  const where = `a page of ${session.status.get().path}`;
  /** Disconnects a page where `work` fails; it connects again. */
  const orHangUp = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      reportError(where, error);
      response.destroy();
    }
  };
  const [, seenEpoch = '', seenVersion = '0'] = /^([\w-]{1,64}):(\d{1,15})$/.exec(seen) ?? [];
  let epoch = seenEpoch;
  let version = Number(seenVersion);
  let outputsSeen = version;
  /** While outputs are held back patches go without an id: a page that is cut off meanwhile begins again. */
  let held = false;
  let timer: NodeJS.Timeout | undefined;
  let blocked: number | undefined;
  const send = (patch: Patch): void => {
    ({ epoch, version } = patch);
    if (!held) outputsSeen = version;
    const id = held ? '' : `id: ${epoch}:${version}\n`;
    blocked = response.write(`${id}data: ${JSON.stringify(patch)}\n\n`) ? undefined : performance.now();
  };
  const flush = (): void => {
    timer = undefined;
    if (session.ended) response.end();
    if (blocked !== undefined || session.ended) return;
    if (!session.knows(version, epoch)) return open();
    const patch = session.since(version, held ? Infinity : outputsSeen);
    if (patch) send(patch);
  };
  /** Cells first. Outputs follow later: a starting kernel and its first cell need the processor first. */
  const open = (): void => {
    held = true;
    outputsSeen = 0;
    send(session.opening());
    const starts = session.kernel.status.get().state === 'starting';
    const turn = starts ? Promise.race([session.quiet(), sleep(PATIENCE_MILLISECONDS)]) : Promise.resolve();
    reportingErrors(where, async () => {
      await turn;
      held = false;
      soon();
    });
  };
  const soon = (): void => {
    if (!response.destroyed) timer ??= setTimeout(orHangUp, JOIN_MILLISECONDS, flush);
  };
  const beat = (): void => {
    if (blocked === undefined) response.write(`event: alive\ndata: ${session.epoch}\n\n`);
    else if (performance.now() - blocked > DEAF_MILLISECONDS) response.destroy();
  };
  const heartbeat = setInterval(orHangUp, HEARTBEAT_MILLISECONDS, beat);
  const forget = session.clock.onTick(soon);
  response.on('drain', () => {
    blocked = undefined;
    soon();
  });
  response.on('close', () => {
    pages--;
    clearTimeout(timer);
    clearInterval(heartbeat);
    forget();
  });
  orHangUp(() => {
    beginEvents(response);
    response.write('retry: 1000\n\n');
    flush();
  });
}
