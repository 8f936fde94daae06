import MarkdownIt from 'markdown-it';
// @ts-expect-error It comes without types.
import footnotes from 'markdown-it-footnote';
import alerts from 'markdown-it-github-alerts';
import type Token from 'markdown-it/lib/token.mjs';
import type { Formula, Formulas } from './formulas.js';
import { highlight } from './highlight.js';
import { asHtml, markup, splitHtml, withImages, type Html } from './markup.js';
import { ownPrefix } from './sanitizer.js';

/** What the rendering of one text needs and gathers. */
export interface Environment {
  /** Returns the image at an address, as a data: address; undefined if it is not one of the notebook's. */
  image: (source: string) => string | undefined;
  /** The text's formulas, for which there are placeholders in the text that is parsed. */
  formulas: Formulas;
  formula(formula: Formula): Html;
  /** Distinguishes the footnotes of one text from those of another. */
  docId: string;
  /**
   * If the text contains HTML: the pieces that are safe as they are, for which there are placeholders while the rest is
   * sanitised.
   */
  parts?: Html[];
}

/** Markdown as notebooks have it: GitHub's, with HTML, which the caller has to sanitise. */
export const markdown = new MarkdownIt({
  html: true,
  linkify: true,
  highlight: (code, language) => String(highlight(code, language)),
})
  .use(footnotes as (it: MarkdownIt) => void)
  .use(alerts);

/**
 * Parses a text with placeholders for its formulas. Formulas are rendered only in text: in code, addresses and names
 * they are restored as they were written.
 */
export function parse(environment: Pick<Environment, 'formulas'>): Token[] {
  const { formulas } = environment;
  const tokens = markdown.parse(formulas.text, environment);
  const restore = (list: Token[]): void => {
    for (const token of list) {
      const { type, attrs, children } = token;
      for (const attr of attrs ?? []) attr[1] = formulas.asWritten(attr[1]);
      if (/^(code_inline|code_block|fence|image|html_inline)$/.test(type)) {
        token.content = formulas.asWritten(token.content);
        token.info = formulas.asWritten(token.info);
      }
      const meta = token.meta as { title?: unknown } | null;
      if (typeof meta?.title === 'string') token.meta = { ...meta, title: formulas.asWritten(meta.title) };
      restore(children ?? []);
    }
  };
  if (formulas.list.length === 0) return tokens;
  restore(tokens);
  tokens.forEach(({ type, content }, index) => {
    const alone = type === 'inline' && formulas.only(content.trim())?.display === true;
    if (alone) tokens[index - 1].attrJoin('class', 'displayed');
  });
  return tokens;
}

/** `- [x] done` becomes an item with a box. */
markdown.core.ruler.after('inline', 'tasks', ({ tokens }) => {
  tokens.forEach((token, index) => {
    const [item, paragraph] = [tokens[index - 2], tokens[index - 1]] as (Token | undefined)[];
    const text = token.children?.[0];
    if (item?.type !== 'list_item_open' || paragraph?.type !== 'paragraph_open' || text?.type !== 'text') return;
    const [, mark, rest = ''] = /^\[([ xX])\]\s+(.*)$/.exec(text.content) ?? [];
    if (mark === undefined) return;
    item.attrJoin('class', 'task');
    text.content = `${mark === ' ' ? '☐' : '☑'} ${rest}`;
  });
});

const { rules } = markdown.renderer;
// The plugin does not escape the title.
rules.alert_open = (tokens, index) => {
  const { type, title } = tokens[index].meta as { type: string; title: string };
  return String(
    markup`<div class="markdown-alert markdown-alert-${type}"><p class="markdown-alert-title">${title}</p>`,
  );
};
rules.table_open = () => '<div class="scroll"><table>\n';
rules.table_close = () => '</table></div>\n';
// The names that a text gives to its parts must not be names of parts of the page; the sanitiser renames those in
// sanitised text.
rules.link_open = (tokens, index, options, { parts }: Environment, renderer) => {
  const href = tokens[index].attrGet('href');
  if (href?.startsWith('#') && !parts) tokens[index].attrSet('href', `#${ownPrefix}${href.slice(1)}`);
  return renderer.renderToken(tokens, index, options);
};

/** Images come from the notebook; an image from elsewhere would cause a request, so a link replaces it. */
rules.image = (tokens, index, _options, environment: Environment) => {
  const token = tokens[index];
  const alt = token.content;
  const source = String(token.attrGet('src') ?? '');
  const image = environment.image(source);
  if (image !== undefined) return String(markup`<img src="${image}" alt="${alt}">`);
  if (source.startsWith('attachment:')) {
    return String(markup`<em>${alt} (the image ${source.slice(11)} is not attached to this cell)</em>`);
  }
  return String(markup`<a href="${source}" rel="noopener noreferrer">${alt || source}</a>`);
};

/**
 * Returns a placeholder for a piece that is safe as it is if the rest is yet to be sanitised, else the piece itself.
 */
export function held(piece: Html, { parts }: Environment): Html {
  if (!parts) return piece;
  parts.push(piece);
  return markup`<span class="sparsebook-part-${parts.length - 1}"></span>`;
}

const withFormulas = (html: string, environment: Environment): string =>
  environment.formulas.shown(html, (formula) => held(environment.formula(formula), environment));

rules.text = (tokens, index, _options, environment: Environment) =>
  withFormulas(String(markup`${tokens[index].content}`), environment);
rules.html_inline = (tokens, index, _options, { image }: Environment) => withImages(tokens[index].content, image);
rules.html_block = (tokens, index, _options, environment: Environment) =>
  splitHtml(
    tokens[index].content,
    (text) => withFormulas(text, environment),
    (tag) => withImages(environment.formulas.asWritten(tag), environment.image),
  );

for (const name of ['fence', 'code_block']) {
  const rule = rules[name]!;
  rules[name] = (tokens, index, options, environment: Environment, renderer) =>
    String(held(asHtml(rule(tokens, index, options, environment, renderer)), environment));
}

/** Whether tokens contain HTML of the text itself. */
export function bringHtml(tokens: readonly Token[]): boolean {
  return tokens.some(({ type, children }) => /^html_/.test(type) || (children !== null && bringHtml(children)));
}
