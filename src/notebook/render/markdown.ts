import type Token from 'markdown-it/lib/token.mjs';
import { UserError } from '../../errors.js';
import { isObject } from '../../formats/json.js';
import { type Cell, hasTag, joined } from '../run/notebook.js';
import { Formulas } from './formulas.js';
import type { Text } from './latex.js';
import { bringHtml, type Environment, held, markdown, parse } from './markdownParser.js';
import { asHtml, type Html, markup, orNotice, textIn } from './markup.js';
import type { OutputPage } from './outputPage.js';
import { ownPrefix } from './sanitizer.js';

export interface Heading {
  level: number;
  id: string;
  html: Html;
}

/** What is gathered from the markdown cells of one page: the page's title and the headings below it. */
export interface Outline {
  /** The first heading of level 1, taken out of its cell; undefined until met. */
  title?: { html: Html; text: string };
  headings: Heading[];
  /**
   * Whether there are several headings of level 1: one is the title, and all others, of any level, go one level down.
   */
  deeper?: boolean;
}

export interface MarkdownCell {
  /** Images by name, each an object of its forms by MIME type; unknown, because a file may contain anything. */
  attachments?: unknown;
  /** What to call the cell if it cannot be shown. */
  name?: string;
  /** The id of the text in the document. */
  id?: string;
}

/** Decodes an address; returns an address with a bad escape as it is. */
function decoded(address: string): string {
  try {
    return decodeURIComponent(address);
  } catch {
    return address;
  }
}

function attachedImage(attachments: unknown, name: string): string | undefined {
  const bundle = isObject(attachments) && Object.hasOwn(attachments, name) ? attachments[name] : undefined;
  if (!isObject(bundle)) return undefined;
  const type = Object.keys(bundle).find((mime) => /^image\/(png|jpeg|gif|webp|svg\+xml)$/.test(mime));
  return type && `data:${type};base64,${textIn(bundle, type).replace(/\s/g, '')}`;
}

const inlineImage = /^data:image\/(png|jpeg|gif|webp);base64,/i;

/** A short hash, which differs between texts. */
const hash = (text: string): string =>
  [...text].reduce((sum, letter) => Math.imul(sum ^ letter.codePointAt(0)!, 16777619) >>> 0, 2166136261).toString(36);

function environmentOf(source: string, page: OutputPage, isOutput: boolean, attachments?: unknown): Environment {
  return {
    docId: hash(source),
    formulas: Formulas.inMarkdown(source),
    formula: (formula) => page.latex.show(formula, isOutput),
    image: imagesOf(page, attachments),
  };
}

/**
 * Returns a function that finds the images that a text of a page may name: data: addresses, attachments, and images
 * beside the notebook.
 */
export function imagesOf(page: OutputPage, attachments?: unknown): (address: string) => string | undefined {
  return (address) => {
    if (inlineImage.test(address)) return address;
    const attached = attachedImage(attachments, decoded(address.replace(/^attachment:/, '')));
    // A query or fragment is not part of a file's name.
    return attached ?? (address.includes(':') ? undefined : page.image?.(decoded(address.replace(/[?#].*/, ''))));
  };
}

function plainText(tokens: Token[]): string {
  return tokens.map((token) => (token.children ? plainText(token.children) : token.content)).join('');
}

function uniqueId(text: string, outline: Outline): string {
  const words = text.toLowerCase().normalize('NFKD').replace(/\p{M}/gu, '');
  const slug = `section-${words.replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-|-$/g, '')}`;
  const taken = outline.headings.filter(({ id }) => id === slug || id.startsWith(`${slug}--`)).length;
  return taken === 0 ? slug : `${slug}--${taken + 1}`;
}

/** The names by which links lead to a heading: Jupyter's name, and GitHub's, which numbers repeated names. */
function anchors(text: string, id = ''): Html[] {
  const again = /--(\d+)$/.exec(id);
  const slug = text.toLowerCase().replace(/[^\p{L}\p{N}\p{M} _-]/gu, '').replace(/ /g, '-'); // prettier-ignore
  const names = [text.replace(/ /g, '-'), again ? `${slug}-${Number(again[1]) - 1}` : slug];
  return [...new Set(names)].map((name) => markup`<a id="${ownPrefix}${name}"></a>`);
}

/** The maximum total length of the addresses and words of a rendered text: it may name one long address many times. */
const LARGEST_TEXT = 20_000_000;

function sizeOf(tokens: readonly Token[]): number {
  return tokens.reduce((sum, { attrs, content, children }) => {
    const written = (attrs ?? []).reduce((length, [, value]) => length + String(value).length, 0);
    return sum + written + (children ? sizeOf(children) : content.length);
  }, 0);
}

/** Renders tokens: HTML of the text itself is sanitised, HTML made here is not. */
function render(tokens: Token[], environment: Environment, page: OutputPage): Html {
  const size = sizeOf(tokens);
  if (size > LARGEST_TEXT) {
    throw new UserError(
      `its addresses and words must have at most ${LARGEST_TEXT} characters once it is rendered; they have ${size}. Make them shorter`,
    );
  }
  if (!bringHtml(tokens)) return asHtml(markdown.renderer.render(tokens, markdown.options, environment));
  const parts: Html[] = [];
  return page.foreignHtml(markdown.renderer.render(tokens, markdown.options, { ...environment, parts }), parts);
}

/** Renders a heading's text as HTML, for its place in the text or, without links, for another place. */
function renderHeadingText(inline: Token, environment: Environment, page: OutputPage, links: boolean): Html {
  const children = (inline.children ?? []).filter(({ type }) => links || !/^link_|^footnote_ref$/.test(type));
  return render([Object.assign(Object.create(inline) as Token, { children })], environment, page);
}

/** The texts of a document that are shown, in order. */
export const textsOf = (cells: readonly Cell[]): Text[] =>
  cells
    .filter((cell) => cell.cell_type === 'markdown' && !hasTag(cell, 'remove-cell'))
    .map(({ id, source }) => ({ id, source: joined(source) }));

/** How many headings of level 1 a text has. */
export function countTitles(source: string): number {
  return parse({ formulas: Formulas.inMarkdown(source) }).filter(
    ({ type, tag }) => type === 'heading_open' && tag === 'h1',
  ).length;
}

/**
 * Renders a markdown cell: sanitises HTML, renders formulas by KaTeX, and gives headings ids and adds them to the
 * outline. The first heading of level 1 becomes the outline's title and leaves the text; any further one becomes level
 * 2.
 */
export function renderMarkdownCell(source: string, outline: Outline, page: OutputPage, cell: MarkdownCell = {}): Html {
  return orNotice(cell.name ?? 'This text', source, () => {
    page.latex.begin({ id: cell.id ?? '', source });
    const environment = environmentOf(source, page, false, cell.attachments);
    const tokens = parse(environment);
    for (let index = 0; index < tokens.length; index++) {
      if (tokens[index].type !== 'heading_open') continue;
      const [open, inline] = tokens.splice(index, 3);
      const heading = takeHeading(open, inline, outline, environment, page);
      if (heading) tokens.splice(index, 0, Object.assign(open, { type: 'own_heading', meta: heading }));
      else index--;
    }
    return render(tokens, environment, page);
  });
}

/** Adds a heading to the outline and returns it as HTML; undefined if it became the title. */
function takeHeading(
  { tag }: Token,
  inline: Token,
  outline: Outline,
  environment: Environment,
  page: OutputPage,
): Html | undefined {
  const html = renderHeadingText(inline, environment, page, false);
  const text = environment.formulas.asWritten(plainText(inline.children ?? []));
  if (tag === 'h1' && !outline.title) {
    outline.title = { html: markup`${anchors(text)}${html}`, text };
    return undefined;
  }
  const level = Math.min(6, Math.max(2, Number(tag.slice(1)) + (outline.deeper ? 1 : 0)));
  const id = uniqueId(text, outline);
  outline.headings.push({ level, id, html });
  const shown = renderHeadingText(inline, environment, page, true);
  return markup`<h${level} id="${id}">${anchors(text, id)}${shown}</h${level}>\n`;
}

// Its id is one of the page's own names, which the sanitiser would change.
markdown.renderer.rules.own_heading = (tokens, index, _options, environment: Environment) =>
  String(held(tokens[index].meta as Html, environment));

/** Renders a cell's output in markdown (or TeX between dollars); its headings start below those of the notebook. */
export function renderMarkdownOutput(source: string, page: OutputPage): Html {
  const environment = environmentOf(source, page, true);
  const tokens = parse(environment);
  for (const token of tokens) {
    if (/^heading_/.test(token.type)) token.tag = `h${Math.min(6, Number(token.tag.slice(1)) + 3)}`;
  }
  return render(tokens, environment, page);
}
