/** Cursor movements that reach other lines, and sequences that erase text there. */
const vertical = /\x1b\[[\d;]*[ABEFHJdfsu]|\x1b[78]/;
const horizontal = /[\r\b]|\x1b\[\d*[CDGKPX]/;

/**
 * What a terminal does not show: cursor movements, colours, modes such as a hidden cursor, titles, links, character
 * sets.
 */
export const unshown: RegExp =
  /\x1b\[(?<count>[0-?]*)[ -/]*(?<kind>[@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]|\x1b/g;
const pieces = new RegExp(`${unshown.source}|[\\n\\r\\b]|[^\\x1b\\n\\r\\b]+`, 'g');

/**
 * Returns the text that a terminal would show after '\r', '\b', erased lines and cursor movements: of a progress bar
 * that redraws its line a thousand times, only the last state is left. Letters keep their colours.
 */
export function terminalText(text: string): string {
  const moves = vertical.test(text);
  if (!moves && !horizontal.test(text)) return text;
  const lines = text.replaceAll('\r\n', '\n');
  if (moves) return new Screen().write(lines).toString();
  // Most lines are plain: only the others need a screen.
  return lines
    .split('\n')
    .map((line) => (horizontal.test(line) ? new Screen().write(line).toString() : line))
    .join('\n');
}

interface Place {
  letter: string;
  colours: string;
}

function change(before = '', after: string): string {
  if (after === before) return '';
  return `${before === '' ? '' : '\x1b[0m'}${after}`;
}

class Screen {
  private readonly lines: Place[][] = [[]];
  private row = 0;
  private column = 0;
  /** The saved position of the cursor. */
  private kept: [row: number, column: number] = [0, 0];
  private readonly look = new Map<string, string>();
  private colours = '';

  write(text: string): this {
    for (const { 0: piece, groups } of text.matchAll(pieces)) {
      const { count = '', kind } = groups!;
      if (piece === '\n') this.goTo(this.row + 1, 0);
      else if (piece === '\r') this.goTo(this.row, 0);
      else if (piece === '\b') this.goTo(this.row, this.column - 1);
      else if (piece === '\x1b7' || piece === '\x1b[s') this.kept = [this.row, this.column];
      else if (piece === '\x1b8' || piece === '\x1b[u') this.goTo(...this.kept);
      else if (!piece.startsWith('\x1b')) for (const letter of piece) this.put(letter);
      else if (kind === undefined || /[^\d;]/.test(count)) continue;
      else if (kind === 'm') this.colour(count.split(';').map(Number));
      else this.move(kind, count);
    }
    return this;
  }

  toString(): string {
    const shown = this.lines.map((line, row) => {
      const written = line.map(({ letter, colours }, index) => change(line[index - 1]?.colours, colours) + letter);
      const next = row === this.lines.length - 1 ? this.colours : '';
      return written.join('') + change(line.at(-1)?.colours, next);
    });
    return shown.join('\n');
  }

  private put(letter: string): void {
    const { line } = this;
    while (line.length < this.column) line.push({ letter: ' ', colours: '' });
    line[this.column++] = { letter, colours: this.colours };
  }

  private colour(codes: number[]): void {
    for (let code = codes.shift(); code !== undefined; code = codes.shift()) {
      const tens = code >= 90 ? Math.floor(code / 10) - 6 : Math.floor(code / 10);
      if (code === 0) this.look.clear();
      else if (code === 38 || code === 48) {
        this.look.set(String(tens), [code, ...codes.splice(0, codes[0] === 2 ? 4 : 2)].join(';'));
      } else if (tens === 3 || tens === 4) {
        this.look.delete(String(tens));
        if (code % 10 < 9) this.look.set(String(tens), String(code));
      } else if (tens === 2) for (const on of code === 22 ? [1, 2] : [code - 20]) this.look.delete(`on ${on}`);
      else this.look.set(`on ${code}`, String(code));
    }
    this.colours = this.look.size === 0 ? '' : `\x1b[${[...this.look.values()].join(';')}m`;
  }

  private move(kind: string, numbers: string): void {
    const [first, second] = numbers.split(';').map(Number) as [number, number?];
    const count = first || 1;
    if (kind === 'A' || kind === 'F') this.goTo(this.row - count, kind === 'F' ? 0 : this.column);
    else if (kind === 'B' || kind === 'E') this.goTo(this.row + count, kind === 'E' ? 0 : this.column);
    else if (kind === 'C' || kind === 'D') this.goTo(this.row, this.column + (kind === 'C' ? count : -count));
    else if (kind === 'G') this.goTo(this.row, count - 1);
    else if (kind === 'd') this.goTo(count - 1, this.column);
    else if (kind === 'H' || kind === 'f') this.goTo(count - 1, (second || 1) - 1);
    else if (kind === 'K') this.eraseInLine(first);
    else if (kind === 'J') this.erase(first);
    else if (kind === 'P') this.line.splice(this.column, count);
    else if (kind === 'X') this.line.fill({ letter: ' ', colours: '' }, this.column, this.column + count);
  }

  private eraseInLine(part: number): void {
    const { line } = this;
    if (part === 0) line.splice(this.column);
    else if (part === 2) line.splice(0);
    else line.fill({ letter: ' ', colours: '' }, 0, Math.min(this.column + 1, line.length));
  }

  /** Erases what is below the cursor (0), above it (1), or everything. */
  private erase(part: number): void {
    const [from, to] = part === 0 ? [this.row + 1, this.lines.length] : [0, part === 1 ? this.row : this.lines.length];
    for (let row = from; row < to; row++) this.lines[row] = [];
    if (part < 2) this.eraseInLine(part);
    if (part !== 1) this.lines.length = part === 0 ? this.row + 1 : 0;
  }

  private goTo(row: number, column: number): void {
    // The numbers may be far larger than any text is wide or long.
    this.row = Math.min(Math.max(0, row), this.lines.length + 1000);
    this.column = Math.min(Math.max(0, column), 10_000);
    void this.line;
  }

  /** The line that the cursor is in. */
  private get line(): Place[] {
    while (this.lines.length <= this.row) this.lines.push([]);
    return this.lines[this.row];
  }
}
