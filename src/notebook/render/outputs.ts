import type { Bundle } from '../display/output.js';
import { UserError } from '../../errors.js';
import { faultOfOutput, joined, type Output } from '../run/notebook.js';
import { colouredText, highlight } from './highlight.js';
import { frameFigure, plotlyMime, renderFigure } from './figure.js';
import { renderMarkdownOutput } from './markdown.js';
import { type Html, joinedHtml, markup, orNotice, textIn } from './markup.js';
import type { OutputPage } from './outputPage.js';

/** Longer texts scroll in a box of their own. */
const longText = 30;

function preformatted(html: Html, kind: string, label: string): Html {
  const long = html.toString().split('\n').length > longText;
  // What scrolls must be reachable by keyboard, and then needs a name.
  const scroll = long && markup` tabindex="0" role="region" aria-label="${label}"`;
  return markup`<pre class="output ${kind}${long && ' long'}"${scroll}>${html}</pre>`;
}

function picture(bundle: Bundle, type: string, base64: string, page: OutputPage): Html {
  const text = textIn(bundle, 'text/plain').trim();
  const alt = text && !/^<.*>$/.test(text) ? text : 'Picture that a cell put out';
  return frameFigure(page, markup`<img src="data:${type};base64,${base64}" alt="${alt}">`);
}

/** The representations a report can show, best first. */
const renderers: Record<string, (bundle: Bundle, type: string, page: OutputPage) => Html> = {
  [plotlyMime]: (bundle, _type, page) => renderFigure(bundle, page),
  'text/html': (bundle, type, page) => {
    const { html, parts } = page.latex.inHtml(textIn(bundle, type));
    return markup`<div class="output rich scroll">${page.foreignHtml(html, parts)}</div>`;
  },
  'text/markdown': (bundle, type, page) =>
    markup`<div class="output rich">${renderMarkdownOutput(textIn(bundle, type), page)}</div>`,
  'text/latex': (bundle, type, page) =>
    markup`<div class="output rich">${page.latex.output(textIn(bundle, type))}</div>`,
  // As a picture, a drawing can neither run scripts nor load anything, whatever it holds.
  'image/svg+xml': (bundle, type, page) => {
    const svg = page.foreignSvg(textIn(bundle, type));
    const alone = svg.replace(/<svg\b(?![^<>]*\sxmlns=)/, '<svg xmlns="http://www.w3.org/2000/svg"');
    return picture(bundle, type, Buffer.from(alone).toString('base64'), page);
  },
  'image/png': encodedPicture,
  'image/jpeg': encodedPicture,
  'image/gif': encodedPicture,
  'image/webp': encodedPicture,
  'application/json': (bundle, type) =>
    preformatted(highlight(JSON.stringify(bundle[type], null, 2), 'json'), 'json', 'JSON output'),
  'text/plain': (bundle, type) => preformatted(colouredText(textIn(bundle, type)), 'result', 'Text output'),
};

function encodedPicture(bundle: Bundle, type: string, page: OutputPage): Html {
  return picture(bundle, type, textIn(bundle, type).replace(/[^A-Za-z0-9+/=]/g, ''), page);
}

function renderBundle(bundle: Bundle, page: OutputPage): Html {
  const type = Object.keys(renderers).find((mime) => Object.hasOwn(bundle, mime));
  if (type !== undefined) return renderers[type](bundle, type, page);
  const types = Object.keys(bundle).join(', ');
  throw new UserError(types === '' ? 'its data holds nothing' : `nothing here shows its type, ${types}`);
}

function renderValid(output: Output, page: OutputPage): Html {
  switch (output.output_type) {
    case 'stream':
      return preformatted(colouredText(joined(output.text).trimEnd()), output.name, `Text on ${output.name}`);
    case 'error':
      return preformatted(
        colouredText(output.traceback.join('\n') || `${output.ename}: ${output.evalue}`),
        'error',
        'Error',
      );
    default:
      return renderBundle(output.data, page);
  }
}

/**
 * Renders one output as HTML that is safe in a page. A file may hold anything: a notice, which calls it by `name`,
 * stands in the place of what is no output or cannot be shown.
 */
export function renderOutput(output: unknown, page: OutputPage, name = 'This output'): Html {
  return orNotice(name, output, () => {
    const fault = faultOfOutput(output);
    if (fault !== undefined) throw new UserError(`it ${fault}`);
    return renderValid(output as Output, page);
  });
}

const isStream = (output: unknown): output is Extract<Output, { output_type: 'stream' }> =>
  faultOfOutput(output) === undefined && (output as Output).output_type === 'stream';

/** Renders the outputs of a cell in order; texts on the same stream that follow each other are one. */
export function renderOutputs(outputs: readonly unknown[], page: OutputPage, cell?: number): Html {
  const merged: { output: unknown; number: number }[] = [];
  for (const [index, output] of outputs.entries()) {
    const last = merged.at(-1)?.output;
    if (isStream(output) && isStream(last) && last.name === output.name) {
      merged[merged.length - 1].output = { ...last, text: joined(last.text) + joined(output.text) };
    } else merged.push({ output, number: index + 1 });
  }
  const rendered = merged.map(({ output, number }) =>
    renderOutput(output, page, cell === undefined ? undefined : `Output ${number} of cell ${cell}`),
  );
  return joinedHtml(rendered, '\n');
}
