import { terminalText, unshown } from '../run/terminalText.js';
import { type Html, markup } from './markup.js';

const names = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];
/** CSS declarations by the code that turns them on. */
const decorations = new Map([
  [1, 'font-weight: 600'],
  [2, 'opacity: 0.7'],
  [3, 'font-style: italic'],
  [4, 'text-decoration: underline'],
  [8, 'visibility: hidden'],
  [9, 'text-decoration: line-through'],
]);

/** How the following letters look: the codes that are on, and colours in CSS. */
interface Look {
  on: Set<number>;
  ink?: string;
  ground?: string;
}

/**
 * Returns what a terminal would finally show, as HTML: its sixteen colours become the page's, all others stay as they
 * are.
 */
export function colouredText(text: string): Html {
  const pieces = terminalText(text).split(/\x1b\[([\d;]*)m/);
  let look: Look = { on: new Set() };
  const spans = pieces.map((piece, index) => {
    if (index % 2 === 1) {
      look = changed(look, piece.split(';').map(Number));
      return undefined;
    }
    const letters = piece.replace(unshown, '').replace(/[\x00-\x08\v-\x1f\x7f]/g, '');
    const style = letters === '' ? '' : styleOf(look);
    return style === '' ? letters : markup`<span style="${style}">${letters}</span>`;
  });
  return markup`${spans}`;
}

function changed(look: Look, codes: number[]): Look {
  const next: Look = { ...look, on: new Set(look.on) };
  for (let code = codes.shift(); code !== undefined; code = codes.shift()) {
    const colour = code >= 90 ? code - 60 : code;
    const part = colour >= 40 ? 'ground' : 'ink';
    if (code === 0) Object.assign(next, { on: new Set(), ink: undefined, ground: undefined });
    else if (code === 38 || code === 48) next[part] = exactColour(codes);
    else if (code === 39 || code === 49) next[part] = undefined;
    else if (colour >= 30 && colour < 48) next[part] = `var(--ansi-${names[colour % 10]})`;
    else if (code === 22) [1, 2].forEach((off) => next.on.delete(off));
    else if (code > 22 && code < 30) next.on.delete(code - 20);
    else next.on.add(code);
  }
  return next;
}

/** Takes `5;N` or `2;R;G;B` off a list of codes and returns the colour. */
function exactColour(codes: number[]): string | undefined {
  const kind = codes.shift();
  if (kind === 2) return `rgb(${codes.splice(0, 3).map((level) => Number(level) || 0).join(', ')})`; // prettier-ignore
  const [number = 0] = kind === 5 ? codes.splice(0, 1) : [];
  if (number < 16) return `var(--ansi-${names[number % 8]})`;
  if (number >= 232) return `rgb(${Array(3).fill(8 + 10 * (number - 232)).join(', ')})`; // prettier-ignore
  const levels = [36, 6, 1].map((step) => Math.floor((number - 16) / step) % 6);
  return `rgb(${levels.map((level) => (level === 0 ? 0 : 55 + 40 * level)).join(', ')})`;
}

function styleOf({ on, ink, ground }: Look): string {
  const inverse = on.has(7);
  const [letters, behind] = inverse ? [ground ?? 'var(--paper)', ink ?? 'var(--ink)'] : [ink, ground];
  // As the background of letters in the page's own colour, its colours would be too strong.
  const soft = !inverse && behind?.startsWith('var');
  const styles = [
    letters && `color: ${letters}`,
    behind && `background: ${soft ? `color-mix(in srgb, ${behind} 25%, transparent)` : behind}`,
    ...[...on].map((code) => decorations.get(code)),
  ];
  return styles.filter(Boolean).join('; ');
}
