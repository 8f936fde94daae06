import katex, { type KatexOptions } from 'katex';
import { UserError } from '../../errors.js';
import { Formulas, type Formula } from './formulas.js';
import { asHtml, markup, splitHtml, type Html, whyUnshown } from './markup.js';
import { ownPrefix } from './sanitizer.js';

/**
 * No links, no boxes larger than the page; input that LaTeX would refuse is shown as text, without a message in the
 * terminal.
 */
const options: KatexOptions = { throwOnError: false, trust: false, strict: 'ignore', maxSize: 100, globalGroup: true };

/** The maximum length of a formula in characters: for longer ones, KaTeX takes so long that it blocks the process. */
const LONGEST_FORMULA = 5000;
/**
 * A macro of more tokens is known only in its own formula: used a thousand times, it would become millions of tokens.
 */
const LARGEST_MACRO = 200;

/** Environments and commands that KaTeX does not know, with replacements that look alike. */
const alike: [known: RegExp, instead: string][] = [
  [/\\(begin|end)\{flalign(\*?)\}/g, '\\$1{align$2}'],
  [/\\begin\{multline(\*?)\}/g, '\\begin{equation$1}\\begin{gathered}'],
  [/\\end\{multline(\*?)\}/g, '\\end{gathered}\\end{equation$1}'],
  [/\\begin\{eqnarray(\*?)\}/g, '\\begin{equation$1}\\begin{array}{rcl}'],
  [/\\end\{eqnarray(\*?)\}/g, '\\end{array}\\end{equation$1}'],
  // A macro may be redefined, as in MathJax.
  [/\\(?:re)?newcommand\*?\s*(\{\s*\\[a-zA-Z]+\s*\}|\\[a-zA-Z]+)/g, '\\providecommand$1{}\\renewcommand$1'],
  [/\\DeclareMathOperator(\*?)\s*\{?(\\[a-zA-Z]+)\}?\s*\{([^{}]*)\}/g, '\\gdef$2{\\operatorname$1{$3}}'],
];

const pieces = /(\\\\|\\?[{}]|\\(?:begin|end)\{[^{}]*\}|\\(?:label|tag\*?)\{[^{}]*\}|\\(?:nonumber|notag)(?![a-zA-Z]))/;
/** Environments whose rows are numbered, unless they have a star. */
const numberedKind = /^\{(equation|align|gather|alignat)\*?\}$/;
const command = /^\\(begin|end|label|tag\*?|nonumber|notag)(\{[^{}]*\})?$/;
const reference = /^\s*\\(eq)?ref\{([^{}]*)\}\s*$/;

/** A text of a document, identified by its id. */
export interface Text {
  id: string;
  source: string;
}

/** What is known about the number of an equation's row. */
interface Row {
  tag?: string;
  labels: string[];
  number: boolean;
  empty: boolean;
}

/**
 * Renders the formulas of one document by KaTeX: they share macros, as in Jupyter, and are numbered from its first text
 * to its last.
 */
export class Latex {
  private readonly macros: KatexOptions['macros'] = {};
  /** The texts as they were when their equations were counted, and how many numbered equations precede each text. */
  private readonly read = new Map<string, { source: string; above: number }>();
  /** The numbers of equations, by their labels. */
  private readonly numbers = new Map<string, string>();
  private count = 0;

  /** `texts` returns the current texts of the document, in order: a text may refer to an equation further down. */
  constructor(private readonly texts: () => Iterable<Text> = () => []) {}

  /** Says which text is rendered next. */
  begin({ id, source }: Text): void {
    if (this.read.get(id)?.source !== source) this.readAll();
    this.count = this.read.get(id)?.above ?? 0;
  }

  private readAll(): void {
    this.read.clear();
    this.count = 0;
    for (const { id, source } of this.texts()) {
      this.read.set(id, { source, above: this.count });
      for (const { tex = '', display } of Formulas.inMarkdown(source).list) if (display) this.numbered(tex);
    }
  }

  /**
   * Renders a formula of a text; a formula that cannot be rendered is shown as it was written, with the reason as its
   * title.
   */
  show({ written, tex, display }: Formula, plain = false): Html {
    if (tex === undefined) return markup`${written}`;
    try {
      return this.render(tex, display, plain);
    } catch (error) {
      return markup`<span class="katex-error" title="${whyUnshown(error)}">${written}</span>`;
    }
  }

  /** Renders an output of type text/latex: one formula, whose delimiters are optional, or text with formulas in it. */
  output(source: string): Html {
    const formulas = Formulas.inHtmlText(source.trim());
    const whole = formulas.list.length === 0 ? source : formulas.only(formulas.text)?.tex;
    if (whole !== undefined) return this.render(whole, true, true);
    return asHtml(formulas.shown(String(markup`${formulas.text}`), (formula) => this.show(formula, true)));
  }

  /**
   * Renders the formulas in the text of foreign HTML: returns the HTML with placeholders, and the parts that replace
   * them.
   */
  inHtml(html: string): { html: string; parts: Html[] } {
    const parts: Html[] = [];
    if (!/\$|\\[([b]/.test(html)) return { html, parts };
    const shown = splitHtml(html, (text) => {
      const formulas = Formulas.inHtmlText(text);
      return formulas.shown(formulas.text, ({ written, tex, display }) => {
        if (tex === undefined) return asHtml(written);
        parts.push(this.show({ written, tex: withoutEntities(tex), display }, true));
        return markup`<span class="sparsebook-part-${parts.length - 1}"></span>`;
      });
    });
    return { html: shown, parts };
  }

  /**
   * Renders a formula; a displayed formula is numbered if LaTeX would number it, unless `plain`. Throws a UserError if
   * the formula is too long, and a RangeError if it is nested too deeply.
   */
  private render(tex: string, display: boolean, plain: boolean): Html {
    if (tex.length > LONGEST_FORMULA) {
      throw new UserError(
        `a formula must have at most ${LONGEST_FORMULA} characters; this one has ${tex.length}. Divide it into several`,
      );
    }
    const [, kind, label] = reference.exec(tex) ?? [];
    if (label !== undefined) {
      const number = this.numberOf(label, kind !== undefined);
      return this.numbers.has(label) ? markup`<a href="#${targetOf(label)}">${number}</a>` : markup`${number}`;
    }
    const { tex: source, labels } = display ? this.numbered(tex, plain) : { tex: this.prepared(tex), labels: [] };
    const html = asHtml(katex.renderToString(source, { ...options, displayMode: display, macros: this.macros }));
    this.forgetLargeMacros();
    if (!display) return html;
    const targets = labels.map((name) => markup`<a id="${targetOf(name)}"></a>`);
    return markup`<span class="katex-block">${targets}${html}</span>`;
  }

  private prepared(tex: string): string {
    const known = alike.reduce((text, [from, to]) => text.replace(from, to), tex);
    return known.replace(/\\(eq)?ref\{([^{}]*)\}/g, (_found, kind: string | undefined, label: string) => {
      return `\\text{${this.numberOf(label, kind !== undefined)}}`;
    });
  }

  private numberOf(label: string, inBrackets: boolean): string {
    const number = this.numbers.get(label) ?? '???';
    return inBrackets ? `(${number})` : number;
  }

  /** Returns the formula with a tag on each numbered row, and the labels in it, whose numbers it notes. */
  private numbered(tex: string, plain = false): { tex: string; labels: string[] } {
    const written: string[] = [];
    const all: string[] = [];
    let row: Row = { labels: [], number: false, empty: true };
    /** The current depth in braces and environments, the depth of rows, and whether every row has a number. */
    let [depth, ofRows, everyRow] = [0, -1, false];
    const begin = (): void => {
      row = { labels: [], number: everyRow, empty: true };
    };
    const end = (): void => {
      const counts = !plain && (row.labels.length > 0 || (row.number && !row.empty));
      const tag = row.tag ?? (counts ? `\\tag{${++this.count}}` : '');
      const number = tag.slice(tag.indexOf('{') + 1, -1);
      if (number !== '') for (const label of row.labels) this.numbers.set(label, number);
      all.push(...row.labels);
      written.push(tag === '' && ofRows >= 0 && !row.empty ? '\\nonumber ' : tag);
    };
    for (const piece of this.prepared(tex).split(pieces)) {
      const [, name, argument = ''] = command.exec(piece) ?? [];
      if (name === 'label') row.labels.push(argument.slice(1, -1));
      else if (name?.startsWith('tag')) row.tag = piece;
      else if (name === 'nonumber' || name === 'notag') row.number = false;
      else {
        if (name === 'end' && depth === ofRows) {
          end();
          [ofRows, everyRow] = [-1, false];
          begin();
        } else if (piece === '\\\\' && depth === ofRows) {
          end();
          begin();
        } else if (piece.trim() !== '') row.empty = false;
        written.push(piece);
        if (name === 'begin' || piece === '{') depth++;
        if (name === 'end' || piece === '}') depth--;
        if (name === 'begin' && ofRows < 0 && numberedKind.test(argument)) {
          [ofRows, everyRow] = [depth, !argument.endsWith('*}')];
          begin();
        }
      }
    }
    end();
    return { tex: written.join(''), labels: all };
  }

  private forgetLargeMacros(): void {
    for (const [name, macro] of Object.entries(this.macros as Record<string, { tokens?: unknown[] }>)) {
      if ((macro.tokens?.length ?? 0) > LARGEST_MACRO) delete this.macros![name];
    }
  }
}

const targetOf = (label: string): string => `${ownPrefix}equation-${label}`;

const entities: Record<string, string> = { '&lt;': '<', '&gt;': '>', '&amp;': '&', '&quot;': '"', '&#39;': "'" };
const withoutEntities = (html: string): string => html.replace(/&\w+;|&#39;/g, (name) => entities[name] ?? name);
