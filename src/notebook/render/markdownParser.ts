import katexPlugin from '@vscode/markdown-it-katex';
import MarkdownIt from 'markdown-it';
// @ts-expect-error It comes without types.
import footnotes from 'markdown-it-footnote';
import alerts from 'markdown-it-github-alerts';
import type Token from 'markdown-it/lib/token.mjs';
import { highlight } from './highlight.js';
import { faultOfFormula, katexOptions } from './latex.js';
import { asHtml, markup, type Html } from './markup.js';

/** What the rendering of one text needs and gathers. */
export interface Environment {
  /** The picture under an address, as a data: address; undefined where it is none of the notebook's. */
  picture(source: string): string | undefined;
  /** Tells the notes of one text from those of another. */
  docId: string;
  /** Where the text holds HTML: the pieces that are safe as they are, for which a place is held while the rest is sanitised. */
  parts?: Html[];
}

// A CommonJS package: depending on the loader, its function is the module or the module's default.
const katex = ((katexPlugin as { default?: unknown }).default ?? katexPlugin) as (
  it: MarkdownIt,
  options: object,
) => void;

/** Markdown as notebooks have it: GitHub's, with formulas and HTML, which whoever renders it has to sanitise. */
export const markdown = new MarkdownIt({
  html: true,
  linkify: true,
  highlight: (code, language) => String(highlight(code, language)),
})
  .use((it) => katex(withOpenFormulas(it), { ...katexOptions, enableBareBlocks: true }))
  .use(footnotes as (it: MarkdownIt) => void)
  .use(alerts);

type BlockRule = Parameters<MarkdownIt['block']['ruler']['push']>[1];

/** A parser for the plugin whose blocks leave a line alone that ends a formula of the paragraph above: `before $$ … $$ and after`. */
function withOpenFormulas(it: MarkdownIt): MarkdownIt {
  const after: MarkdownIt['block']['ruler']['after'] = (name, rule, apply, options) => {
    const patient: BlockRule = (state, start, end, silent) => {
      const above = silent ? state.getLines(state.line, start, state.blkIndent, false) : '';
      return above.split('$$').length % 2 === 1 && apply(state, start, end, silent);
    };
    it.block.ruler.after(name, rule, patient, options);
  };
  return { block: { ruler: { after } }, inline: it.inline, core: it.core, renderer: it.renderer } as MarkdownIt;
}

/** `\\(x\\)` and `\\[x\\]`, as Jupyter takes them for formulas. */
markdown.inline.ruler.before('escape', 'math_brackets', (state, silent) => {
  const pattern = /\\\\(?:\(([^]+?)\\\\\)|\[([^]+?)\\\\\])/y;
  pattern.lastIndex = state.pos;
  const [found, inline, display] = pattern.exec(state.src) ?? [];
  const content = inline ?? display;
  if (found === undefined || content === undefined) return false;
  if (!silent) state.push(inline === undefined ? 'math_block' : 'math_inline', 'math', 0).content = content;
  state.pos += found.length;
  return true;
});

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
// What a text calls a part of itself cannot be the name of a part of the page.
rules.link_open = (tokens, index, options, _environment, renderer) => {
  const href = tokens[index].attrGet('href');
  if (href?.startsWith('#')) tokens[index].attrSet('href', `#${ownPrefix}${href.slice(1)}`);
  return renderer.renderToken(tokens, index, options);
};

/** What stands in front of names that a text gives to its parts; the sanitiser does the same. */
export const ownPrefix = 'user-content-';

/** Pictures come from the notebook; one from elsewhere would be a request, so that a link takes its place. */
rules.image = (tokens, index, _options, environment: Environment) => {
  const token = tokens[index];
  const alt = token.content;
  const source = String(token.attrGet('src') ?? '');
  const picture = environment.picture(source);
  if (picture !== undefined) return String(markup`<img src="${picture}" alt="${alt}">`);
  if (source.startsWith('attachment:')) {
    return String(markup`<em>${alt} (the picture ${source.slice(11)} is not attached to this cell)</em>`);
  }
  return String(markup`<a href="${source}" rel="noopener noreferrer">${alt || source}</a>`);
};

/** Holds a place for a piece that is safe as it is, where the rest is yet to be sanitised. */
export function held(piece: Html, { parts }: Environment): Html {
  if (!parts) return piece;
  parts.push(piece);
  return markup`<span class="sparsebook-part-${parts.length - 1}"></span>`;
}

const heldRules = 'math_inline math_block math_inline_block math_inline_bare_block fence code_block';
for (const name of heldRules.split(' ')) {
  const rule = rules[name]!;
  rules[name] = (tokens, index, options, environment: Environment, renderer) => {
    const { content } = tokens[index];
    const isFormula = name.startsWith('math_');
    const fault = isFormula ? faultOfFormula(content) : undefined;
    const html =
      fault === undefined
        ? rule(tokens, index, options, environment, renderer)
        : String(markup`<span class="katex-error" title="${fault}">${content}</span>`);
    // A displayed formula in a sentence, where no paragraph may stand.
    const inSentence = isFormula && !tokens[index].map;
    const fitted = inSentence ? html.replace(/^<p (.*)<\/p>\s*$/s, '<span $1</span>') : html;
    return String(held(asHtml(fitted), environment));
  };
}

/** Whether tokens hold HTML that the text brings along. */
export function bringHtml(tokens: readonly Token[]): boolean {
  return tokens.some(({ type, children }) => /^html_/.test(type) || (children !== null && bringHtml(children)));
}
