/** The part of a terminal stream that output needs. */
export type TextStream = Pick<NodeJS.WriteStream, 'write'> & { isTTY?: boolean; columns?: number; rows?: number };

const BAR_WIDTH = 20;

/** A bar that is filled up to a share between 0 and 1. */
export function bar(share: number): string {
  const filled = Math.round(BAR_WIDTH * Math.min(1, Math.max(0, share)));
  return '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled);
}

/** The last lines of a terminal, which change in place while lines that stay are written above them. */
export class StatusLine {
  private lines: string[] = [];

  constructor(private readonly stream: TextStream) {}

  /** Replaces the lines; what does not fit the terminal's width or height is cut off. */
  show(...lines: string[]): void {
    const { columns = 80, rows = 24 } = this.stream;
    const cut = (line: string): string =>
      Array.from(line)
        .slice(0, columns - 1)
        .join('');
    const before = this.back();
    this.lines = lines.slice(0, rows - 1).map(cut);
    this.stream.write(`${before}${this.lines.join('\n')}`);
  }

  /** Writes a line that stays, above those that change. */
  print(line: string): void {
    this.stream.write(`${this.back()}${line}\n${this.lines.join('\n')}`);
  }

  /** Takes the lines away. */
  clear(): void {
    const before = this.back();
    this.lines = [];
    this.stream.write(before);
  }

  /** What leads back to the beginning of the lines and takes them away. */
  private back(): string {
    return `\r${'\x1b[A'.repeat(Math.max(0, this.lines.length - 1))}\x1b[${this.lines.length > 1 ? 'J' : 'K'}`;
  }
}
