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

/** What a terminal would show in the end: its sixteen colours in those of the page, all others as they are. */
export function colouredText(text: string): Html {
  const shown = terminalText(text);
  if (!shown.includes('\x1b[')) return markup`${stripVTControlCharacters(shown)}`;
  const options = { json: true, remove_empty: true };
  const exact = Anser.ansiToJson(shown, options);
  const named = Anser.ansiToJson(shown, { ...options, use_classes: true });
  const spans = named.map(({ content, fg, bg, decorations }, index) => {
    const letters = stripVTControlCharacters(content);
    const kept = [classOf(fg), classOf(bg) && `${classOf(bg)}-ground`, ...decorations.map((one) => `ansi-${one}`)];
    const style = [
      fg && !classOf(fg) && `color: rgb(${exact[index].fg})`,
      bg && !classOf(bg) && `background-color: rgb(${exact[index].bg})`,
    ];
    const [classes, styles] = [kept.filter(Boolean).join(' '), style.filter(Boolean).join('; ')];
    if (!classes && !styles) return letters;
    return markup`<span${classes && markup` class="${classes}"`}${styles && markup` style="${styles}"`}>${letters}</span>`;
  });
  return markup`${spans}`;
}

/** The class of one of the sixteen colours. */
const classOf = (colour: string | null): string => (colour && !/palette|truecolor/.test(colour) ? colour : '');
