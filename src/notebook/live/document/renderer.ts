import { renderMarkdownCell, type Outline } from '../../report/markdown.js';
import { escapeHtml } from '../../report/escape.js';
import type { OutputPage } from '../../report/outputPage.js';
import { renderOutput } from '../../report/outputs.js';
import { joined, type Output } from '../../run/index.js';
import { keptText } from '../../run/keptText.js';
import { reasonOf } from '../fence.js';
import { liveLimits } from '../kernel/cellRunner.js';
import type { Renderer } from './liveCell.js';

/** Figures carry no number and no picture, since the page draws them; it also sanitises, with a document that is there already. */
const livePage: OutputPage = {
  figures: undefined,
  foreignHtml: (html) => (/[<&]/.test(html) ? `<span data-foreign-html="${escapeHtml(html)}"></span>` : html),
  // An `img` runs and loads nothing, whatever it holds.
  foreignSvg: (svg) => svg,
};

const notice = (text: string): string => `<pre class="output stderr">${escapeHtml(text)}</pre>`;

/** Shows a part of a notebook, which may hold anything: what goes wrong over it stands in its place, with its text if it has one. */
function shown(what: string, render: () => string, source = ''): string {
  try {
    return render();
  } catch (error) {
    return notice(`${what} cannot be shown: ${reasonOf(error)}\n\n${source}`.trimEnd());
  }
}

/** A text of a file may be longer than one that a run keeps, which is its limit and a note. */
function shortened(output: Output): Output {
  if (output.output_type !== 'stream') return output;
  const text = joined(output.text);
  return text.length > 2 * liveLimits.text ? { ...output, text: keptText(text, liveLimits.text) } : output;
}

/** Renders as the report does. */
export const renderer: Renderer = {
  markdown(source, attachments) {
    const render = (): string => {
      const outline: Outline = { headings: [] };
      const html = renderMarkdownCell(source, outline, attachments);
      return outline.title ? `<h1>${outline.title.html}</h1>\n${html}` : html;
    };
    return shown('This text', render, source);
  },
  output: (output) => shown('This output', () => renderOutput(shortened(output), livePage)),
  notice,
};
