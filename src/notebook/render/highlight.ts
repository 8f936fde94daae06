import hljs from 'highlight.js/lib/core';
import bash from 'highlight.js/lib/languages/bash';
import json from 'highlight.js/lib/languages/json';
import typescript from 'highlight.js/lib/languages/typescript';
import { asHtml, type Html, markup } from './markup.js';
import { stripVTControlCharacters } from 'node:util';
import Anser from 'anser';
import { terminalText } from '../run/terminalText.js';

hljs.registerLanguage('bash', bash);
hljs.registerLanguage('json', json);
hljs.registerLanguage('typescript', typescript);
hljs.registerAliases(['javascript', 'js'], { languageName: 'typescript' });

/** Marks up code for the colours of style/text.css; a language that is not known gives plain, escaped text. */
export function highlight(code: string, language: string): Html {
  return hljs.getLanguage(language) ? asHtml(hljs.highlight(code, { language }).value) : markup`${code}`;
}

const styles: Record<string, string | undefined> = {
  bold: 'font-weight: 600',
  dim: 'opacity: 0.7',
  italic: 'font-style: italic',
  underline: 'text-decoration: underline',
  strikethrough: 'text-decoration: line-through',
};

/** What a terminal would show in the end: its sixteen colours in those of the page, all others as they are. */
export function colouredText(text: string): Html {
  const shown = terminalText(text);
  if (!shown.includes('\x1b[')) return markup`${stripVTControlCharacters(shown)}`;
  const options = { json: true, remove_empty: true };
  const exact = Anser.ansiToJson(shown, options);
  const named = Anser.ansiToJson(shown, { ...options, use_classes: true });
  const spans = named.map(({ content, fg, bg, decorations }, index) => {
    const letters = stripVTControlCharacters(content);
    const [ink, ground] = [colourOf(fg, exact[index].fg), colourOf(bg, exact[index].bg)];
    const style = [
      ink && `color: ${ink}`,
      ground && `background: ${ground.startsWith('var') ? `color-mix(in srgb, ${ground} 25%, transparent)` : ground}`,
      ...decorations.map((name) => styles[name]),
    ];
    const written = style.filter(Boolean).join('; ');
    return written ? markup`<span style="${written}">${letters}</span>` : letters;
  });
  return markup`${spans}`;
}

/** A colour by its class, such as `ansi-bright-red`, and its numbers; undefined for none. */
function colourOf(name: string | null, numbers: string | null): string | undefined {
  if (!name) return undefined;
  const own = /^ansi-(?:bright-)?(black|red|green|yellow|blue|magenta|cyan|white)$/.exec(name)?.[1];
  return own ? `var(--ansi-${own})` : `rgb(${numbers})`;
}
