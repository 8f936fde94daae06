/** The part of a terminal stream that output needs. */
export type TextStream = Pick<NodeJS.WriteStream, 'write'> & { isTTY?: boolean; columns?: number };

const BAR_WIDTH = 20;

/** A bar that is filled up to a share between 0 and 1. */
export function bar(share: number): string {
  const filled = Math.round(BAR_WIDTH * Math.min(1, Math.max(0, share)));
  return '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled);
}

/** The last line of a terminal, which changes in place while lines that stay are written above it. */
export class StatusLine {
  private text = '';

  constructor(private readonly stream: TextStream) {}

  /** Replaces the line; what does not fit the terminal's width is cut off. */
  show(text: string): void {
    this.text = Array.from(text)
      .slice(0, (this.stream.columns ?? 80) - 1)
      .join('');
    this.stream.write(`\r\x1b[K${this.text}`);
  }

  /** Writes a line that stays, above the one that changes. */
  print(line: string): void {
    this.stream.write(`\r\x1b[K${line}\n${this.text}`);
  }

  /** Takes the line away. */
  clear(): void {
    this.text = '';
    this.stream.write('\r\x1b[K');
  }
}
