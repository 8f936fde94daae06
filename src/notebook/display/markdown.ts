import { display } from './display.js';

/**
 * Shows Markdown below the cell: markdown`Accuracy: **${accuracy}**`.
 *
 * The text is taken as written, so that a backslash in a formula needs no second one; the indentation that all its lines
 * share is dropped.
 */
export function markdown(strings: TemplateStringsArray, ...values: unknown[]): void {
  const text = unindented(String.raw(strings, ...values));
  display({ 'text/markdown': text, 'text/plain': text });
}

function unindented(text: string): string {
  const lines = text.replace(/^\n/, '').trimEnd().split('\n');
  const indents = lines.filter((line) => line.trim() !== '').map((line) => line.length - line.trimStart().length);
  const shared = Math.min(...indents);
  return lines.map((line) => line.slice(Number.isFinite(shared) ? shared : 0)).join('\n');
}
