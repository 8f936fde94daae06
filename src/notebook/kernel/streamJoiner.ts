const QUIET_MILLISECONDS = 30;
const LARGE_TEXT = 32_768;
/** A longer text goes out in pieces: a message is in memory several times over, here and where it is read. */
const PIECE = 262_144;

export type StreamName = 'stdout' | 'stderr';

/**
 * Joins the texts that a cell prints into few messages.
 *
 * What comes after a pause goes out at once, so that a slow loop is seen live; what follows within 30 ms is collected
 * until those have passed, 32 kB have come together, or the other stream speaks.
 */
export class StreamJoiner {
  private name: StreamName = 'stdout';
  private text = '';
  private lastSent = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly send: (name: StreamName, text: string) => void) {}

  /** Takes a text that was printed. */
  write(name: StreamName, text: string): void {
    if (name !== this.name) this.flush();
    this.name = name;
    this.text += text;
    if (performance.now() - this.lastSent > QUIET_MILLISECONDS || this.text.length > LARGE_TEXT) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), QUIET_MILLISECONDS);
  }

  /** Sends what has been collected; called before any other message, so that the order stays. */
  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.text === '') return;
    const text = this.text;
    this.text = '';
    this.lastSent = performance.now();
    for (let start = 0; start < text.length;) {
      const end = pieceEnd(text, start);
      this.send(this.name, text.slice(start, end));
      start = end;
    }
  }
}

/** Where the piece of a text that begins at a place ends: never between the halves of a character. */
function pieceEnd(text: string, start: number): number {
  const end = Math.min(text.length, start + PIECE);
  const code = text.charCodeAt(end - 1);
  return end < text.length && code >= 0xd800 && code <= 0xdbff ? end - 1 : end;
}
