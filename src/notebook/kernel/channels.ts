import { randomUUID } from 'node:crypto';
import type { Dealer, Subscriber } from 'zeromq';
import type { Connection } from './connection.js';
import { decodeMessage, encodeMessage, type Message, type MessageContent } from './wire.js';

/** A request on its way: what came back so far, and when it is over. */
export interface Exchange {
  /** The reply's message. */
  reply: Promise<Message>;
  /** The kernel says that it has nothing more to send for this request. */
  idle: Promise<void>;
}

interface Pending {
  onReply(reply: Message): void;
  onIdle(): void;
  onMessage?(message: Message): void;
}

/** The client's ends of a kernel's sockets. */
export class Channels {
  private readonly session = randomUUID();
  private readonly pending = new Map<string, Pending>();

  /** Connects; the kernel may come up later. */
  static async open(connection: Connection): Promise<Channels> {
    // zeromq is native code: loaded only where a kernel is driven.
    const { Dealer, Subscriber } = await import('zeromq');
    const address = (port: number): string => `${connection.transport}://${connection.ip}:${port}`;
    // A kernel that is up is met at once: zeromq would try again after 100 to 200 ms.
    const usual = { linger: 0, reconnectInterval: 10 };
    const shell = new Dealer(usual);
    const control = new Dealer(usual);
    const iopub = new Subscriber({ ...usual, receiveHighWaterMark: 0 });
    shell.connect(address(connection.shell_port));
    control.connect(address(connection.control_port));
    iopub.connect(address(connection.iopub_port));
    iopub.subscribe('');
    return new Channels(connection.key, shell, control, iopub);
  }

  private constructor(
    private readonly key: string,
    private readonly shell: Dealer,
    private readonly control: Dealer,
    private readonly iopub: Subscriber,
  ) {
    for (const socket of [shell, control, iopub]) void this.read(socket);
  }

  /**
   * Sends a request. `onMessage` hears everything that the kernel publishes on its behalf, also after the reply: a
   * timer that a cell left running still prints.
   */
  request(
    channel: 'shell' | 'control',
    type: string,
    content: MessageContent,
    onMessage?: (message: Message) => void,
  ): Exchange {
    const header = {
      msg_id: randomUUID(),
      session: this.session,
      username: 'sparsebook',
      date: new Date().toISOString(),
      msg_type: type,
      version: '5.3',
    };
    let idle!: Promise<void>;
    const reply = new Promise<Message>((onReply) => {
      idle = new Promise((onIdle) => this.pending.set(header.msg_id, { onReply, onIdle, onMessage }));
    });
    const frames = encodeMessage(this.key, { header, parent_header: {}, metadata: {}, content });
    void this[channel].send(frames);
    return { reply, idle };
  }

  /** Closes the sockets; nothing is heard any more. */
  close(): void {
    for (const socket of [this.shell, this.control, this.iopub]) if (!socket.closed) socket.close();
  }

  /** A message; undefined if it is not of this kernel: until that takes its port, another program may have it. */
  private decode(frames: Buffer[]): Message | undefined {
    try {
      return decodeMessage(this.key, frames).message;
    } catch {
      return undefined;
    }
  }

  private async read(socket: Dealer | Subscriber): Promise<void> {
    for await (const frames of socket) {
      const message = this.decode(frames);
      if (!message) continue;
      const pending = this.pending.get(message.parent_header.msg_id ?? '');
      if (!pending) continue;
      if (socket !== this.iopub) pending.onReply(message);
      else {
        pending.onMessage?.(message);
        if (message.header.msg_type === 'status' && message.content.execution_state === 'idle') pending.onIdle();
      }
    }
  }
}
