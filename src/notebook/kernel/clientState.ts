import { closeSync, openSync, readSync, writeSync } from 'node:fs';

/** What a client tells its kernel in a file beside the connection file. */
export interface ClientState {
  taken: number;
  interrupting: boolean;
}

const BYTES = 16;

/** After this many more bytes, the count is written again: often enough for a kernel that waits for it. */
const TELL_BYTES = 500_000;

/**
 * Writes that file for the client. Messages would not do: a kernel in a loop that never awaits receives none, but it,
 * or one of its threads, can read a file.
 */
export class ClientStateWriter {
  private bytes = 0;
  private told = 0;
  private interrupting = false;
  private readonly handle: number;
  private closed = false;

  constructor(path: string) {
    this.handle = openSync(path, 'wx', 0o600);
    this.write();
  }

  /** Notes that published messages of this many bytes have been read. */
  taken(bytes: number): void {
    this.bytes += bytes;
    if (this.bytes - this.told >= TELL_BYTES) this.write();
  }

  /** Says whether the running cell should stop. */
  interrupt(wanted: boolean): void {
    if (wanted === this.interrupting) return;
    this.interrupting = wanted;
    this.write();
  }

  close(): void {
    if (!this.closed) closeSync(this.handle);
    this.closed = true;
  }

  private write(): void {
    if (this.closed) return;
    this.told = this.bytes;
    writeSync(this.handle, Float64Array.of(this.bytes, Number(this.interrupting)), 0, BYTES, 0);
  }
}

/**
 * Returns a function that reads a client's state from its file, and returns undefined once the file can no longer be
 * read.
 */
export function clientStateReader(path: string): () => ClientState | undefined {
  const handle = openSync(path, 'r');
  const numbers = new Float64Array(2);
  return () => {
    try {
      if (readSync(handle, numbers, 0, BYTES, 0) < BYTES) return undefined;
    } catch {
      return undefined; // a cell has closed it
    }
    return { taken: numbers[0], interrupting: numbers[1] === 1 };
  };
}

/** What a frame of a message takes besides its bytes. */
const FRAME_BYTES = 100;

/** The bytes for which a message counts, on both sides. */
export function sizeOf(frames: (string | Buffer)[]): number {
  return frames.reduce((sum, frame) => sum + FRAME_BYTES + Buffer.byteLength(frame), 0);
}
