import { stripVTControlCharacters } from 'node:util';
import { joined, type Output } from '../run/index.js';
import { terminalText } from '../run/terminalText.js';
import { escapeHtml } from './escape.js';
import { frameFigure, plotlyMime, renderFigure } from './figure.js';
import { highlight } from './highlight.js';
import { renderLatex } from './latex.js';
import { renderMarkdownOutput } from './markdown.js';
import { textIn, type MimeBundle } from './mimeBundle.js';
import type { OutputPage } from './outputPage.js';

function nextNumber(page: OutputPage): number | undefined {
  if (page.figures !== undefined) page.figures++;
  return page.figures;
}

/** Longer texts scroll in a box of their own. */
const longText = 30;

/** What a terminal would show in the end, without its colours. */
const plainText = (text: string): string => stripVTControlCharacters(terminalText(text));

function preformatted(html: string, kind: string, label: string): string {
  const long = html.split('\n').length > longText;
  // What scrolls must be reachable by keyboard, and then needs a name.
  const scroll = long ? ` tabindex="0" role="region" aria-label="${label}"` : '';
  return `<pre class="output ${kind}${long ? ' long' : ''}"${scroll}>${html}</pre>`;
}

function altText(bundle: MimeBundle): string {
  const text = textIn(bundle, 'text/plain').trim();
  return escapeHtml(text && !/^<.*>$/.test(text) ? text : 'Picture that a cell put out');
}

function picture(bundle: MimeBundle, type: string, base64: string, page: OutputPage): string {
  const image = `<img src="data:${type};base64,${base64}" alt="${altText(bundle)}">`;
  return frameFigure(nextNumber(page), image);
}

/** The representations a report can show, best first. */
const renderers: Record<string, (bundle: MimeBundle, type: string, page: OutputPage) => string> = {
  [plotlyMime]: (bundle, _type, page) => renderFigure(bundle, nextNumber(page), page),
  'text/html': (bundle, type, page) =>
    `<div class="output rich scroll">${page.foreignHtml(textIn(bundle, type))}</div>`,
  'text/markdown': (bundle, type) => `<div class="output rich">${renderMarkdownOutput(textIn(bundle, type))}</div>`,
  'text/latex': (bundle, type) => `<div class="output rich">${renderLatex(textIn(bundle, type))}</div>`,
  // As a picture, a drawing can neither run scripts nor load anything, whatever it holds.
  'image/svg+xml': (bundle, type, page) =>
    picture(bundle, type, Buffer.from(standalone(page.foreignSvg(textIn(bundle, type)))).toString('base64'), page),
  'image/png': encodedPicture,
  'image/jpeg': encodedPicture,
  'image/gif': encodedPicture,
  'image/webp': encodedPicture,
  'application/json': (bundle, type) =>
    preformatted(highlight(JSON.stringify(bundle[type], null, 2), 'json'), 'json', 'JSON output'),
  'text/plain': (bundle, type) => preformatted(escapeHtml(plainText(textIn(bundle, type))), 'result', 'Text output'),
};

function encodedPicture(bundle: MimeBundle, type: string, page: OutputPage): string {
  return picture(bundle, type, textIn(bundle, type).replace(/[^A-Za-z0-9+/=]/g, ''), page);
}

/** An svg element that stands alone needs its namespace. */
function standalone(svg: string): string {
  return svg.replace(/<svg(?![^>]*\sxmlns=)/, '<svg xmlns="http://www.w3.org/2000/svg"');
}

/** Renders one output of a cell as HTML that is safe to put in a page. */
export function renderOutput(output: Output, page: OutputPage): string {
  switch (output.output_type) {
    case 'stream': {
      const kind = output.name === 'stderr' ? 'stderr' : 'stdout';
      return preformatted(escapeHtml(plainText(joined(output.text)).trimEnd()), kind, `Text on ${kind}`);
    }
    case 'error': {
      const trace = output.traceback.join('\n') || `${output.ename}: ${output.evalue}`;
      return preformatted(escapeHtml(plainText(trace)), 'error', 'Error');
    }
    default: {
      const bundle = output.data;
      const type = Object.keys(renderers).find((mime) => mime in bundle);
      return type ? renderers[type](bundle, type, page) : '';
    }
  }
}

/** Renders the outputs of a cell in order; texts on the same stream that follow each other are one. */
export function renderOutputs(outputs: Output[], page: OutputPage): string {
  const merged: Output[] = [];
  for (const output of outputs) {
    const last = merged.at(-1);
    if (output.output_type === 'stream' && last?.output_type === 'stream' && last.name === output.name) {
      merged[merged.length - 1] = { ...last, text: joined(last.text) + joined(output.text) };
    } else merged.push(output);
  }
  return merged.map((output) => renderOutput(output, page)).join('\n');
}
