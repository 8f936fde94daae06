import { renderMarkdownCell, type Outline } from '../../report/markdown.js';
import { escapeHtml } from '../../report/escape.js';
import type { OutputPage } from '../../report/outputPage.js';
import { renderOutput } from '../../report/outputs.js';
import type { Renderer } from './liveCell.js';

/** Figures carry no number and no picture, since the page draws them; it also sanitises, with a document that is there already. */
const livePage: OutputPage = {
  figures: undefined,
  foreignHtml: (html) => (/[<&]/.test(html) ? `<span data-foreign-html="${escapeHtml(html)}"></span>` : html),
  // An `img` runs and loads nothing, whatever it holds.
  foreignSvg: (svg) => svg,
};

/** Renders as the report does. */
export const renderer: Renderer = {
  markdown(source, attachments) {
    const outline: Outline = { headings: [] };
    const html = renderMarkdownCell(source, outline, attachments);
    return outline.title ? `<h1>${outline.title.html}</h1>\n${html}` : html;
  },
  output: (output) => renderOutput(output, livePage),
};
