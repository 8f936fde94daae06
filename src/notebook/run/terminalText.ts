/**
 * The text that a terminal would show after '\r' (back to the start of the line, then overwrite) and '\b' (one back).
 *
 * A progress bar that redraws its line a thousand times is saved as its last state.
 */
export function terminalText(text: string): string {
  if (!/[\r\b]/.test(text)) return text;
  return text
    .replaceAll('\r\n', '\n')
    .split('\n')
    .map((line) => (/[\r\b]/.test(line) ? shownLine(line) : line))
    .join('\n');
}

function shownLine(line: string): string {
  let shown: string[] = [];
  let column = 0;
  for (const piece of line.split(/(\r|\x08)/)) {
    if (piece === '\r') column = 0;
    else if (piece === '\b') column = Math.max(0, column - 1);
    else {
      // Erase-line (CSI K, CSI 2K) is how progress bars clear what is left of a longer line.
      const [, erase = '', rest = piece] = /^(\x1b\[[02]?K)?([^]*)$/.exec(piece) ?? [];
      if (erase !== '') shown = shown.slice(0, column);
      const characters = Array.from(rest);
      shown.splice(column, characters.length, ...characters);
      column += characters.length;
    }
  }
  return shown.join('');
}
