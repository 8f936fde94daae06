import { renderMarkdownCell, type Outline } from '../../report/markdown.js';
import { renderOutput } from '../../report/outputs.js';
import type { Renderer } from './liveCell.js';

/** Renders as the report does, sanitised in the same way; figures carry no number and no picture, since the page draws them. */
export const renderer: Renderer = {
  markdown(source, attachments) {
    const outline: Outline = { headings: [] };
    const html = renderMarkdownCell(source, outline, attachments);
    return outline.title ? `<h1>${outline.title.html}</h1>\n${html}` : html;
  },
  output: (output) => renderOutput(output, { figures: undefined }),
};
