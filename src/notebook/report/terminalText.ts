import { stripVTControlCharacters } from 'node:util';

/** What a terminal would show in the end: colours and cursor codes removed, a line ends as its last carriage return left it. */
export function terminalText(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/\r+\n/g, '\n')
    .split('\n')
    .map((line) => line.replace(/\r+$/, '').replace(/^[^]*\r/, ''))
    .join('\n');
}
