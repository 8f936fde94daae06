import type { ServerResponse } from 'node:http';
import type { LiveSession } from '../liveSession.js';
import { beginEvents } from './respond.js';

/** Changes that come soon after one another travel together. */
const JOIN_MILLISECONDS = 40;
/** Something is said at least this often, so that a lost connection is noticed. */
const HEARTBEAT_MILLISECONDS = 10_000;

/**
 * Sends a page all that it does not know yet (it names the epoch and version that it has seen), and then every change, until it
 * goes. A page that reads slowly is sent less often, never less.
 */
export function streamEvents(response: ServerResponse, session: LiveSession, seen: string): void {
  // Gone while the notebook was being opened: nothing would ever end the heartbeat.
  if (response.destroyed || !response.socket || response.socket.destroyed) return;
  let [epoch, version] = parseSeen(seen);
  let timer: NodeJS.Timeout | undefined;
  let blocked = false;
  const flush = (): void => {
    timer = undefined;
    const patch = blocked ? undefined : session.since(version, epoch);
    if (!patch) return;
    ({ epoch, version } = patch);
    blocked = !response.write(`id: ${epoch}:${version}\ndata: ${JSON.stringify(patch)}\n\n`);
  };
  const soon = (): void => {
    timer ??= setTimeout(flush, JOIN_MILLISECONDS);
  };
  beginEvents(response);
  response.write('retry: 1000\n\n');
  flush();
  const heartbeat = setInterval(
    () => response.write(`event: alive\ndata: ${session.epoch}\n\n`),
    HEARTBEAT_MILLISECONDS,
  );
  const forget = session.clock.onTick(soon);
  response.on('drain', () => {
    blocked = false;
    soon();
  });
  response.on('close', () => {
    clearTimeout(timer);
    clearInterval(heartbeat);
    forget();
  });
}

function parseSeen(seen: string): [epoch: string, version: number] {
  const [, epoch = '', version = '0'] = /^([\w-]{1,64}):(\d{1,15})$/.exec(seen) ?? [];
  return [epoch, Number(version)];
}
