import hljs from 'highlight.js/lib/core';
import bash from 'highlight.js/lib/languages/bash';
import json from 'highlight.js/lib/languages/json';
import python from 'highlight.js/lib/languages/python';
import typescript from 'highlight.js/lib/languages/typescript';
import yaml from 'highlight.js/lib/languages/yaml';
import { asHtml, type Html, markup } from './markup.js';

hljs.registerLanguage('bash', bash);
hljs.registerLanguage('json', json);
hljs.registerLanguage('python', python);
hljs.registerLanguage('yaml', yaml);
hljs.registerLanguage('typescript', typescript);
hljs.registerAliases(['javascript', 'js'], { languageName: 'typescript' });

/** Marks up code for the colours of style/text.css; code in an unknown language becomes plain, escaped text. */
export function highlight(code: string, language: string): Html {
  return hljs.getLanguage(language) ? asHtml(hljs.highlight(code, { language }).value) : markup`${code}`;
}
