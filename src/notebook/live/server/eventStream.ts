import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../../../errors.js';
import { reportingErrors, reportError } from '../reportErrors.js';
import type { LiveSession } from '../liveSession.js';
import type { Patch } from '../protocol.js';
import { beginEvents } from './respond.js';

/** Changes within this time are sent together. */
const JOIN_MILLISECONDS = 40;
/** A heartbeat is sent this often, so that a lost connection is noticed. */
const HEARTBEAT_MILLISECONDS = 10_000;
/** The longest time that the outputs of a newly opened notebook wait. */
const PATIENCE_MILLISECONDS = 3000;
/**
 * A page that reads nothing for this long is disconnected, because the data waiting for it takes memory; it reconnects
 * when it is back.
 */
const DEAF_MILLISECONDS = 60_000;
/** The most pages at once; each holds a connection and, at worst, a patch that it has not read yet. */
export const MOST_PAGES = 100;

let pages = 0;

/**
 * Sends a page everything that it does not know yet (`seen` is its last epoch and version), and then every change until
 * it disconnects. A slow page gets fewer patches but misses no change: at most one patch waits for it. Throws a
 * UserError when there are too many pages.
 */
export function streamEvents(response: ServerResponse, session: LiveSession, seen: string): void {
  // If the page left while the notebook was being opened, nothing would ever end the heartbeat.
  if (response.destroyed || !response.socket || response.socket.destroyed) return;
  if (pages >= MOST_PAGES) throw new UserError(`${MOST_PAGES} pages are open at once, and no more can be; close some`);
  pages++;
  const where = `a page of ${session.status.get().path}`;
  /** Disconnects the page if `work` fails; the page reconnects. */
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
  /** While outputs are held back, patches have no id, so a page that is cut off meanwhile starts from the beginning. */
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
  /** Sends the cells first and the outputs later: a starting kernel and its first cell need the processor more. */
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
