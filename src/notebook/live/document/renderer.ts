import { type Outline, renderMarkdownCell, textsOf } from '../../render/markdown.js';
import { Latex } from '../../render/latex.js';
import { inPage, shortened, type OutputPage } from '../../render/outputPage.js';
import { markup } from '../../render/markup.js';
import { imagesIn } from '../../render/inNode.js';
import { renderOutput } from '../../render/outputs.js';
import { type Cell, joined } from '../../run/notebook.js';
import type { Renderer } from './liveCell.js';

/**
 * Renders as the report does; images that a text names are read from the notebook's folder. `cells` returns the
 * document's current cells.
 */
export function rendererIn(folder: string, cells: () => readonly Cell[]): Renderer {
  const latex = new Latex(() => textsOf(cells()));
  const page: OutputPage = { ...inPage, latex, image: imagesIn(folder) };
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
