import { clientStateReader } from './clientState.js';

/** How far, in bytes, a kernel may be ahead of its client: what lies in between is held in memory, here or there. */
const AHEAD_BYTES = 8_000_000;
/** What a frame of a message takes beside its bytes. */
const FRAME_BYTES = 100;
const LOOK_AGAIN_MILLISECONDS = 2;
const PATIENCE_MILLISECONDS = 10_000;

/**
 * Keeps a kernel from publishing faster than its client reads. A cell that prints without end would otherwise fill the
 * memory of both: nothing is dropped on the way, and a loop that never awaits leaves no time to hear of it.
 */
export class Pace {
  private readonly look: ReturnType<typeof clientStateReader>;
  private readonly clock = new Int32Array(new SharedArrayBuffer(4));
  private sent = 0;
  /** What the client had taken when it was last looked at. */
  private taken = 0;
  private stuck = false;

  constructor(clientState: string) {
    this.look = clientStateReader(clientState);
  }

  /** Counts a message that is about to be sent, and waits until the client is near enough. A client that stands still is not waited for. */
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

/** What a message counts, on both sides. */
export function sizeOf(frames: (string | Buffer)[]): number {
  return frames.reduce((sum, frame) => sum + FRAME_BYTES + Buffer.byteLength(frame), 0);
}
