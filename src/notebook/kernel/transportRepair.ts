import { addressOf } from './connection.js';
import { Pace } from './pace.js';
import { replaceMethod } from './replaceMethod.js';
import type { Outlet, Tslab } from './tslabInternals.js';

/**
 * Makes every message arrive.
 *
 * tslab waits for messages on a socket while `bind()` works on it in a thread of zeromq's. On a busy machine the first request is
 * there before that thread is done, "Socket is blocked by a bind" ends the waiting, and the kernel never answers: ports are taken
 * in one step. The addresses of sockets that are files it would write in another form than Jupyter.
 *
 * tslab does not await `send()`. zeromq.js completes about 500 sends in a tick at once and refuses those that follow
 * while one is pending, so everything after that was lost, 'idle' included, and the frontend waited for ever. With a
 * send timeout of 0 each send completes at once, in order, even inside a loop that never yields; without a high-water
 * mark none is dropped for a slow reader. Instead the kernel waits for a client that says how far it has come (`Pace`).
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
      // Without its sockets the kernel can only be waited for in vain.
      console.error('the kernel cannot open its sockets:', error);
      process.exit(1);
    }
  });

  replaceMethod(server, 'close', (_self, close) => {
    close();
    // A training loop or a timer that still runs would keep the process alive after the frontend said goodbye.
    setTimeout(() => process.exit(), 500).unref();
  });
}

/** A socket that sends no faster than that. It stands in its place: zeromq's own cannot be changed. */
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
