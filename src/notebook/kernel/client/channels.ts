import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { Dealer, Subscriber } from 'zeromq';
import { sizeOf, type ClientStateWriter } from '../clientState.js';
import { decodeMessage, encodeMessage, headerOf, type Message, type MessageContent, checkedMessage } from '../wire.js';
import { addressOf, type ConnectionFile } from './connection.js';
import type { KernelExit } from './kernelProcess.js';

interface Exchange {
  reply: Promise<Message>;
  /** Resolves when the kernel says that it has nothing more to send for this request. */
  idle: Promise<void>;
}

interface Pending {
  replyType: string;
  onReply(reply: Message): void;
  onIdle(): void;
  onMessage?(message: Message): void;
}

/** Content of more bytes is not read: reading a text takes several times its size in memory. */
const LARGEST_CONTENT = 64_000_000;
const LONGEST_TURN_MILLISECONDS = 10;

/** The client's ends of a kernel's sockets. */
export class Channels {
  private readonly session = randomUUID();
  private readonly pending = new Map<string, Pending>();
  private readonly disconnected: Promise<void>;

  /** Connects; the kernel may come up later. */
  static async open({ connection, state }: Pick<ConnectionFile, 'connection' | 'state'>): Promise<Channels> {
    // zeromq is native code, so it is loaded only when a kernel is used.
    const { Dealer, Subscriber } = await import('zeromq');
    const address = (port: number): string => addressOf(connection, port);
    // Connects as soon as the kernel is up: by default, zeromq would retry only after 100 to 200 ms.
    const usual = { linger: 0, reconnectInterval: 10 };
    const shell = new Dealer(usual);
    const control = new Dealer(usual);
    const iopub = new Subscriber(usual);
    shell.connect(address(connection.shell_port));
    control.connect(address(connection.control_port));
    iopub.connect(address(connection.iopub_port));
    iopub.subscribe('');
    return new Channels(connection.key, state, shell, control, iopub);
  }

  private constructor(
    private readonly key: string,
    private readonly state: ClientStateWriter,
    private readonly shell: Dealer,
    private readonly control: Dealer,
    private readonly iopub: Subscriber,
  ) {
    this.disconnected = new Promise((resolve) => iopub.events.on('disconnect', () => resolve()));
    for (const socket of [shell, control, iopub]) void this.read(socket);
  }

  /**
   * Sends a request. `onMessage`, which must not throw, receives everything that the kernel publishes for it, even
   * after the reply: a timer that a cell left running still prints.
   */
  request(
    channel: 'shell' | 'control',
    type: string,
    content: MessageContent,
    onMessage?: (message: Message) => void,
  ): Exchange {
    const header = headerOf(type, this.session);
    let idle!: Promise<void>;
    const reply = new Promise<Message>((onReply) => {
      const replyType = type.replace(/_request$/, '_reply');
      idle = new Promise((onIdle) => this.pending.set(header.msg_id, { replyType, onReply, onIdle, onMessage }));
    });
    const frames = encodeMessage(this.key, { header, parent_header: {}, metadata: {}, content });
    // A closed connection gives no reply; callers also wait for the kernel to end.
    this[channel].send(frames).catch(() => undefined);
    return { reply, idle };
  }

  /**
   * Waits until the kernel's publishing socket is closed, but no longer than this time: everything that the kernel sent
   * has then reached this process, and is read within a few turns of the event loop.
   */
  async closedWithin(milliseconds: number): Promise<void> {
    const patience = new AbortController();
    const late = sleep(milliseconds, undefined, { signal: patience.signal }).catch(() => undefined);
    await Promise.race([this.disconnected, late]);
    patience.abort();
  }

  close(): void {
    for (const socket of [this.shell, this.control, this.iopub]) if (!socket.closed) socket.close();
  }

  /**
   * Decodes a message; returns undefined if it is not from this kernel: until the kernel takes its port, another
   * program may have it.
   */
  private decode(frames: Buffer[]): Message | undefined {
    try {
      return checkedMessage(decodeMessage(this.key, frames, LARGEST_CONTENT).message);
    } catch {
      return undefined;
    }
  }

  private async read(socket: Dealer | Subscriber): Promise<void> {
    let turn = performance.now();
    for await (const frames of socket) {
      const message = this.decode(frames);
      if (message) this.hand(message, socket === this.iopub);
      if (socket === this.iopub) this.state.taken(sizeOf(frames));
      // zeromq delivers message after message without a turn of the event loop in between, but timers and others need
      // turns.
      if (performance.now() - turn < LONGEST_TURN_MILLISECONDS) continue;
      await nextTurn();
      turn = performance.now();
    }
  }

  private hand(message: Message, published: boolean): void {
    const id = message.parent_header.msg_id;
    const pending = typeof id === 'string' ? this.pending.get(id) : undefined;
    const type = message.header.msg_type;
    if (!pending) return;
    if (!published) {
      if (type === pending.replyType) pending.onReply(message);
      return;
    }
    pending.onMessage?.(message);
    if (type === 'status' && message.content.execution_state === 'idle') pending.onIdle();
  }
}

const ASK_AGAIN_MILLISECONDS = 20;
const CONNECT_AGAIN_MILLISECONDS = 2000;
/** The longest delay of Node's timers, 24.8 days: a longer one counts as none at all. */
export const LONGEST_MILLISECONDS: number = 2 ** 31 - 1;

/** How waiting for a kernel ended: it answered, it ended, or it did neither in time. */
type FirstContact = { channels: Channels; info: MessageContent } | { ended: KernelExit } | 'late';

/**
 * Connects to a starting kernel and waits until it is ready: it replies, and its published messages arrive too, because
 * subscribing takes a moment. `info` is its kernel_info_reply. Rejects when the signal aborts.
 */
export async function firstContact(
  file: ConnectionFile,
  exit: Promise<KernelExit>,
  seconds: number,
  signal?: AbortSignal,
): Promise<FirstContact> {
  signal?.throwIfAborted();
  const patience = sleep(Math.min(seconds * 1000, LONGEST_MILLISECONDS), 'late' as const, { ref: false, signal });
  // It is awaited below, and must not count as an unhandled rejection until then.
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
    // Until the kernel takes its port, another program may have it for a moment, or our own connection may reach
    // itself. zeromq never retries a peer that does not answer like a matching socket: hence a new connection.
    if (result !== 'silent') return result;
  }
}

/** Asks for the kernel's info, and again 20 ms after each reply, for 2 s in total. */
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
