import { addressOf } from '../client/connection.js';
import { clientStateReader, sizeOf } from '../clientState.js';
import { type Outlet, replaceMethod, type Tslab } from './tslab.js';

/**
 * Makes every message arrive. tslab waits for messages on a socket while `bind()` works on it in another thread: on a
 * busy machine, the error "Socket is blocked by a bind" ends the waiting, and the kernel never answers. So sockets are
 * bound in one step; those that are files are bound at the addresses that Jupyter writes.
 *
 * tslab does not await `send()`. zeromq.js completes about 500 calls in a tick and refuses further ones while one is
 * pending: all later messages were lost, 'idle' included. With a send timeout of 0 each call completes at once, in
 * order; without a high-water mark no message is dropped for a slow reader. Instead the kernel waits for a client that
 * says how much it has read (`Pace`).
 */
export function repairTransport({ server }: Tslab): void {
  replaceMethod(server, 'bindSocket', (self, _bindSocket, socket, port) => {
    if (socket === self.iopub || socket === self.shell || socket === self.control) {
      socket.sendTimeout = 0;
      socket.sendHighWaterMark = 0;
    }
    socket.bindSync(addressOf(self.connInfo, port));
    const { client_state } = self.connInfo;
    if (socket === self.iopub && client_state !== undefined) self.iopub = paced(socket, new Pace(client_state));
    return Promise.resolve();
  });

  replaceMethod(server, 'init', async (_self, init) => {
    try {
      await init();
    } catch (error) {
      // Without its sockets the kernel could never answer.
      console.error('the kernel cannot open its sockets:', error);
      process.exit(1);
    }
  });

  replaceMethod(server, 'close', (_self, close) => {
    close();
    // A training loop or a timer that still runs would keep the process alive after the frontend has asked it to shut
    // down.
    setTimeout(() => process.exit(), 500).unref();
  });
}

/**
 * Returns a replacement for a socket that sends no faster than `pace` allows; zeromq's own sockets cannot be changed.
 */
function paced(socket: Outlet, pace: Pace): Outlet {
  return {
    send: (frames) => {
      pace.wait(frames as (string | Buffer)[]);
      return socket.send(frames);
    },
    close: () => socket.close(),
    get closed() {
      return socket.closed;
    },
  };
}

/** How many bytes a kernel may be ahead of its client: they are held in memory, here or there. */
const AHEAD_BYTES = 8_000_000;
const LOOK_AGAIN_MILLISECONDS = 2;
const PATIENCE_MILLISECONDS = 10_000;

/**
 * Keeps a kernel from publishing faster than its client reads. Otherwise a cell that prints endlessly would fill the
 * memory of both: no message is dropped, and a kernel in a loop that never awaits receives no message from its client.
 */
class Pace {
  private readonly look: ReturnType<typeof clientStateReader>;
  private readonly clock = new Int32Array(new SharedArrayBuffer(4));
  private sent = 0;
  private taken = 0;
  private stuck = false;

  constructor(clientState: string) {
    this.look = clientStateReader(clientState);
  }

  /**
   * Counts a message that is about to be sent, after waiting until the client is close enough. It does not wait for a
   * client that has stopped reading.
   */
  wait(frames: (string | Buffer)[]): void {
    let since = performance.now();
    while (this.sent - this.taken > AHEAD_BYTES) {
      const taken = this.look()?.taken;
      if (taken === undefined) break;
      if (taken !== this.taken) {
        this.taken = taken;
        this.stuck = false;
        since = performance.now();
      } else if (this.stuck || performance.now() - since > PATIENCE_MILLISECONDS) {
        this.stuck = true;
        break;
      } else Atomics.wait(this.clock, 0, 0, LOOK_AGAIN_MILLISECONDS);
    }
    this.sent += sizeOf(frames);
  }
}
