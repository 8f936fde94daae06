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
  /** The image under an address, as a data: address; undefined where it is none of the notebook's. */
  image: (source: string) => string | undefined;
  /** The text's formulas, for which places are held in what is parsed. */
  formulas: Formulas;
  formula(formula: Formula): Html;
  /** Tells the notes of one text from those of another. */
  docId: string;
  /**
   * Where the text holds HTML: the pieces that are safe as they are, for which a place is held while the rest is
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
 * The tokens of a text whose formulas are out of the way. Only in text are they rendered: code, addresses and names
 * have them as they were written.
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
// The plugin writes the title as it is.
rules.alert_open = (tokens, index) => {
  const { type, title } = tokens[index].meta as { type: string; title: string };
  return String(
    markup`<div class="markdown-alert markdown-alert-${type}"><p class="markdown-alert-title">${title}</p>`,
  );
};
rules.table_open = () => '<div class="scroll"><table>\n';
rules.table_close = () => '</table></div>\n';
// What a text calls a part of itself cannot be the name of a part of the page; what is sanitised is renamed there.
rules.link_open = (tokens, index, options, { parts }: Environment, renderer) => {
  const href = tokens[index].attrGet('href');
  if (href?.startsWith('#') && !parts) tokens[index].attrSet('href', `#${ownPrefix}${href.slice(1)}`);
  return renderer.renderToken(tokens, index, options);
};

/** Images come from the notebook; one from elsewhere would be a request, so that a link takes its place. */
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

/** Holds a place for a piece that is safe as it is, where the rest is yet to be sanitised. */
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

/** Whether tokens hold HTML that the text brings along. */
export function bringHtml(tokens: readonly Token[]): boolean {
  return tokens.some(({ type, children }) => /^html_/.test(type) || (children !== null && bringHtml(children)));
}
