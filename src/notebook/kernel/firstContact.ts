import { setTimeout as sleep } from 'node:timers/promises';
import { Channels, type Exchange } from './channels.js';
import type { ConnectionFile } from './connection.js';
import type { KernelExit } from './kernelProcess.js';
import type { MessageContent } from './wire.js';

const ASK_AGAIN_MILLISECONDS = 20;
const CONNECT_AGAIN_MILLISECONDS = 2000;

/** How waiting for a kernel ended: it answered, it ended, or neither in time. */
export type FirstContact = { channels: Channels; info: MessageContent } | { ended: KernelExit } | 'late';

/**
 * Connects to a kernel that is starting and waits until it is ready: it replies, and what it publishes is heard too, for
 * subscribing takes a moment. `info` is its kernel_info_reply. Rejects when the signal aborts.
 */
export async function firstContact(
  file: ConnectionFile,
  exit: Promise<KernelExit>,
  seconds: number,
  signal?: AbortSignal,
): Promise<FirstContact> {
  signal?.throwIfAborted();
  const patience = sleep(seconds * 1000, 'late' as const, { ref: false, signal });
  // It is waited for below, once there is something to wait for.
  patience.catch(() => undefined);
  const end = exit.then((ended) => ({ ended }));
  for (;;) {
    const channels = await Channels.open(file);
    let result: FirstContact | 'silent' | undefined;
    try {
      result = await Promise.race([info(channels, end), patience]);
    } finally {
      if (typeof result !== 'object' || !('channels' in result)) channels.close();
    }
    // Until the kernel takes its port, another program may have it for a moment, or our own call may reach itself. zeromq
    // gives up for ever on who answers as no socket of its kind would: hence a new connection.
    if (result !== 'silent') return result;
  }
}

/** Asks, and from the first reply on again every 20 ms, for 2 s in all. */
async function info(channels: Channels, end: Promise<{ ended: KernelExit }>): Promise<FirstContact | 'silent'> {
  const heard = async ({ reply, idle }: Exchange): Promise<FirstContact> => {
    await idle;
    return { channels, info: (await reply).content };
  };
  const silent = sleep(CONNECT_AGAIN_MILLISECONDS, 'silent' as const, { ref: false });
  const asked: Promise<FirstContact>[] = [];
  for (;;) {
    const exchange = channels.request('shell', 'kernel_info_request', {});
    asked.push(heard(exchange));
    const again = exchange.reply.then(() => sleep(ASK_AGAIN_MILLISECONDS, 'again' as const, { ref: false }));
    const first = await Promise.race([...asked, end, silent, again]);
    if (first !== 'again') return first;
  }
}
