import { UserError } from '../../errors.js';
import { faultOfOutput, joined, type Output } from '../run/notebook.js';
import { colouredText } from './ansi.js';
import { highlight } from './highlight.js';
import { type Display, frameFigure, plotlyMime, renderFigure, sizeOf } from './figure.js';
import { imagesOf, renderMarkdownOutput } from './markdown.js';
import { type Html, joinedHtml, markup, orNotice, textIn, withImages } from './markup.js';
import type { OutputPage } from './outputPage.js';

/** Texts of more lines scroll in a box of their own. */
const longText = 30;

function preformatted(html: Html, kind: string, label: string): Html {
  const long = html.toString().split('\n').length > longText;
  // An element that scrolls must be reachable by keyboard, and then needs a name.
  const scroll = long && markup` tabindex="0" role="region" aria-label="${label}"`;
  return markup`<pre class="output ${kind}${long && ' long'}"${scroll}>${html}</pre>`;
}

function image({ data, metadata }: Display, type: string, address: string, page: OutputPage): Html {
  const text = textIn(data, 'text/plain').trim();
  const alt = text && !/^<.*>$/.test(text) ? text : 'Image that a cell put out';
  return frameFigure(page, markup`<img src="${address}" alt="${alt}"${sizeOf(metadata, type)}>`);
}

/** The types that are shown, best first. */
const renderers: Record<string, (display: Display, type: string, page: OutputPage) => Html> = {
  [plotlyMime]: (display, _type, page) => renderFigure(display, page),
  'text/html': ({ data }, type, page) => {
    const { html, parts } = page.latex.inHtml(withImages(textIn(data, type), imagesOf(page)));
    return markup`<div class="output rich scroll">${page.foreignHtml(html, parts)}</div>`;
  },
  'text/markdown': ({ data }, type, page) =>
    markup`<div class="output rich">${renderMarkdownOutput(textIn(data, type), page)}</div>`,
  'text/latex': ({ data }, type, page) =>
    markup`<div class="output rich">${page.latex.output(textIn(data, type))}</div>`,
  // As an image, a drawing can neither run scripts nor load anything, whatever it contains.
  'image/svg+xml': (display, type, page) => {
    // XML must begin with its first character.
    const svg = page.foreignSvg(textIn(display.data, type).trim());
    if (!/<svg\b[^<]*>/.test(svg)) throw new UserError('its drawing holds no whole svg element');
    const alone = svg.replace(/<svg\b(?![^<>]*\sxmlns=)/, '<svg xmlns="http://www.w3.org/2000/svg"');
    // Browsers accept all other characters as they are.
    const address = `data:${type};charset=utf-8,${alone.replace(/[%#\n\r\t]/g, encodeURIComponent)}`;
    return image(display, type, address, page);
  },
  'image/png': encodedImage('iVBORw0KGgo'),
  'image/jpeg': encodedImage('/9j/'),
  'image/gif': encodedImage('R0lGOD'),
  'image/webp': encodedImage('UklGR'),
  'application/json': ({ data }, type) =>
    preformatted(highlight(JSON.stringify(data[type], null, 2), 'json'), 'json', 'JSON output'),
  'text/plain': ({ data }, type) => preformatted(colouredText(textIn(data, type)), 'result', 'Text output'),
};

/** Returns a renderer for images of a type whose base64 always begins like this. */
function encodedImage(beginning: string): (display: Display, type: string, page: OutputPage) => Html {
  return (display, type, page) => {
    const base64 = textIn(display.data, type).replace(/[^A-Za-z0-9+/=]/g, '');
    if (!base64.startsWith(beginning)) throw new UserError(`its data is no ${type} in base64`);
    return image(display, type, `data:${type};base64,${base64}`, page);
  };
}

/** Whether HTML consists only of scripts and of empty elements for what they draw. */
function isDrawnByScripts(html: string): boolean {
  const [first, ...scripts] = html.split(/<script\b/i);
  const rest = [
    first,
    ...scripts.map((script) =>
      script
        .split(/<\/script\s*>/i)
        .slice(1)
        .join(''),
    ),
  ].join('');
  return scripts.length > 0 && rest.replace(/<\/?(?:div|span|p|br|canvas|html|head|body)\b[^<>]*>/gi, '').trim() === '';
}

function renderDisplay(display: Display, page: OutputPage): Html {
  const known = Object.keys(renderers).filter((mime) => Object.hasOwn(display.data, mime));
  const type = known.find((mime) => mime !== 'text/html' || !isDrawnByScripts(textIn(display.data, mime)));
  if (type !== undefined) return renderers[type](display, type, page);
  if (known.length > 0) throw new UserError('its HTML is drawn by scripts, and scripts of outputs do not run here');
  const types = Object.keys(display.data).join(', ');
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
      return renderDisplay(output, page);
  }
}

/**
 * Renders one output as HTML that is safe in a page. A file may contain anything: a value that is not an output or
 * cannot be shown is replaced by a notice, which calls it `name`.
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

/** Renders the outputs of a cell in order; consecutive texts on the same stream become one. */
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
