import katexPlugin from '@vscode/markdown-it-katex';
import MarkdownIt from 'markdown-it';
import type Token from 'markdown-it/lib/token.mjs';
import { escapeHtml } from './escape.js';
import { highlight } from './highlight.js';
import { textIn, type MimeBundle } from './mimeBundle.js';

/** A heading as the table of contents lists it. */
export interface Heading {
  level: number;
  id: string;
  /** The heading's text as HTML, without links. */
  html: string;
}

/** What the markdown cells of one page gather: the page's title and the headings below it. */
export interface Outline {
  /** The first heading of level 1, taken out of its cell; undefined until met. */
  title?: { html: string; text: string };
  headings: Heading[];
}

// A CommonJS package: depending on the loader, its function is the module or the module's default.
const katex = (katexPlugin as { default?: unknown }).default ?? katexPlugin;

const markdown = new MarkdownIt({ html: false, linkify: true, highlight }).use(
  katex as (it: MarkdownIt, options?: object) => void,
  { throwOnError: false },
);

interface Environment {
  attachments?: Record<string, unknown> | undefined;
}

/** Pictures come from the page itself; one from elsewhere would be a request, so that a link takes its place. */
markdown.renderer.rules.image = (tokens, index, _options, environment: Environment) => {
  const token = tokens[index];
  const alt = escapeHtml(token.content);
  const source = String(token.attrGet('src') ?? '');
  const attached = environment.attachments?.[decodeURIComponent(source.replace(/^attachment:/, ''))];
  const [type] = Object.keys(attached ?? {});
  if (type && /^image\/(png|jpeg|gif|webp|svg\+xml)$/.test(type)) {
    return `<img src="data:${type};base64,${escapeHtml(textIn(attached as MimeBundle, type).replace(/\s/g, ''))}" alt="${alt}">`;
  }
  if (/^data:image\/(png|jpeg|gif|webp);base64,/i.test(source)) return `<img src="${escapeHtml(source)}" alt="${alt}">`;
  return `<a href="${escapeHtml(source)}" rel="noopener noreferrer">${alt || escapeHtml(source)}</a>`;
};
markdown.renderer.rules.table_open = () => '<div class="scroll"><table>\n';
markdown.renderer.rules.table_close = () => '</table></div>\n';

function plainText(tokens: Token[]): string {
  return tokens.map((token) => (token.children ? plainText(token.children) : token.content)).join('');
}

function uniqueId(text: string, outline: Outline): string {
  const slug = `section-${text.toLowerCase().normalize('NFKD').replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '')}`; // prettier-ignore
  const taken = outline.headings.filter(({ id }) => id === slug || id.startsWith(`${slug}--`)).length;
  return taken === 0 ? slug : `${slug}--${taken + 1}`;
}

function renderHeadingText(tokens: Token[], environment: Environment): string {
  const children = tokens.filter(({ type }) => type !== 'link_open' && type !== 'link_close');
  return markdown.renderer.renderInline(children, markdown.options, environment);
}

/**
 * Renders a markdown cell: no raw HTML, formulas by KaTeX, headings with ids that are added to the outline. The first
 * heading of level 1 becomes the outline's title and leaves the text; any further one becomes level 2.
 */
export function renderMarkdownCell(source: string, outline: Outline, attachments?: Record<string, unknown>): string {
  const environment: Environment = { attachments };
  const tokens = markdown.parse(source, environment);
  for (let index = 0; index < tokens.length; index++) {
    const open = tokens[index];
    if (open.type !== 'heading_open') continue;
    const inline = tokens[index + 1];
    const html = renderHeadingText(inline.children ?? [], environment);
    const text = plainText(inline.children ?? []);
    if (open.tag === 'h1' && !outline.title) {
      outline.title = { html, text };
      tokens.splice(index--, 3);
      continue;
    }
    if (open.tag === 'h1') open.tag = tokens[index + 2].tag = 'h2';
    const id = uniqueId(text, outline);
    open.attrSet('id', id);
    outline.headings.push({ level: Number(open.tag.slice(1)), id, html });
  }
  return markdown.renderer.render(tokens, markdown.options, environment);
}

/** Renders markdown (or TeX between dollars) that a cell put out; its headings start below those of the notebook. */
export function renderMarkdownOutput(source: string): string {
  const tokens = markdown.parse(source, {});
  for (const token of tokens) {
    if (/^heading_/.test(token.type)) token.tag = `h${Math.min(6, Number(token.tag.slice(1)) + 3)}`;
  }
  return markdown.renderer.render(tokens, markdown.options, {});
}
