import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
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
 * Sends a page all that it does not know yet (it names the epoch and version that it has seen), and then every change, until it
 * goes. A page that reads slowly is sent less often, never less.
 */
export function streamEvents(response: ServerResponse, session: LiveSession, seen: string): void {
  // Gone while the notebook was being opened: nothing would ever end the heartbeat.
  if (response.destroyed || !response.socket || response.socket.destroyed) return;
  let [epoch, version] = parseSeen(seen);
  let outputsSeen = version;
  /** While outputs are held back patches go without an id: a page that is cut off meanwhile begins again. */
  let held = false;
  let timer: NodeJS.Timeout | undefined;
  let blocked = false;
  const send = (patch: Patch): void => {
    ({ epoch, version } = patch);
    if (!held) outputsSeen = version;
    const id = held ? '' : `id: ${epoch}:${version}\n`;
    blocked = !response.write(`${id}data: ${JSON.stringify(patch)}\n\n`);
  };
  const flush = (): void => {
    timer = undefined;
    if (blocked) return;
    if (!session.knows(version, epoch)) return open();
    const patch = session.since(version, held ? Infinity : outputsSeen);
    if (patch) send(patch);
  };
  /** Cells first. Their outputs let a kernel that starts, and its first cell, have the processor: somebody waits for those. */
  const open = (): void => {
    held = true;
    outputsSeen = 0;
    send(session.opening());
    const starts = session.kernel.status.get().state === 'starting';
    const turn = starts ? Promise.race([session.quiet(), sleep(PATIENCE_MILLISECONDS)]) : Promise.resolve();
    void turn.then(() => {
      held = false;
      soon();
    });
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
