import { replaceMethod } from './replaceMethod.js';
import type { Tslab } from './tslabInternals.js';

/**
 * Makes every message arrive.
 *
 * tslab waits for messages on a socket while `bind()` works on it in a thread of zeromq's. On a busy machine the first request is
 * there before that thread is done, "Socket is blocked by a bind" ends the waiting, and the kernel never answers: ports are taken
 * in one step.
 *
 * tslab does not await `send()`. zeromq.js completes about 500 sends in a tick at once and refuses those that follow
 * while one is pending, so everything after that was lost, 'idle' included, and the frontend waited for ever. With a
 * send timeout of 0 each send completes at once, in order, even inside a loop that never yields; without a high-water
 * mark none is dropped for a slow reader.
 */
export function repairTransport({ server }: Tslab): void {
  replaceMethod(server, 'bindSocket', (self, _bindSocket, socket, port) => {
    if (socket === self.iopub || socket === self.shell || socket === self.control) {
      socket.sendTimeout = 0;
      socket.sendHighWaterMark = 0;
    }
    const { transport, ip } = self.connInfo;
    socket.bindSync(`${transport}://${ip}:${port}`);
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
