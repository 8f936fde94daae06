import { type Outline, renderMarkdownCell, textsOf } from '../../render/markdown.js';
import { Latex } from '../../render/latex.js';
import { asHtml, markup } from '../../render/markup.js';
import { picturesIn } from '../../render/inNode.js';
import type { OutputPage } from '../../render/outputPage.js';
import { renderOutput } from '../../render/outputs.js';
import { type Cell, faultOfOutput, joined, type Output } from '../../run/notebook.js';
import { keptText, liveLimits } from '../../run/outputLimits.js';
import type { Renderer } from './liveCell.js';

/** Figures carry no number and no picture, since the page draws them; it also sanitises, with a document that is there already. */
const livePage = {
  figures: undefined,
  foreignHtml: (html, parts = []) => {
    if (!/[<&]/.test(html)) return asHtml(html);
    return markup`<span data-foreign-html="${html}">${parts.map((part) => markup`<span>${part}</span>`)}</span>`;
  },
  // An `img` runs and loads nothing, whatever it holds.
  foreignSvg: (svg) => svg,
} satisfies Omit<OutputPage, 'latex'>;

/** A text of a file may be longer than one that a run keeps, which is its limit and a note. */
function shortened(output: Output): Output {
  if (faultOfOutput(output) !== undefined || output.output_type !== 'stream') return output;
  const text = joined(output.text);
  return text.length > 2 * liveLimits.text ? { ...output, text: keptText(text, liveLimits.text) } : output;
}

/** Renders as the report does; pictures that a text names are read from the notebook's folder. `cells` gives those of the document now. */
export function rendererIn(folder: string, cells: () => readonly Cell[]): Renderer {
  const latex = new Latex(() => textsOf(cells()));
  const page: OutputPage = { ...livePage, latex, picture: picturesIn(folder) };
  return {
    markdown({ id, source, attachments }) {
      const outline: Outline = { headings: [] };
      const html = renderMarkdownCell(joined(source), outline, page, { id, attachments });
      return String(outline.title ? markup`<h1>${outline.title.html}</h1>\n${html}` : html);
    },
    output: (output, number) => String(renderOutput(shortened(output), page, `Output ${number} of this cell`)),
    notice: (text) => String(markup`<pre class="output stderr">${text}</pre>`),
  };
}
