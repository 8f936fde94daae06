import type { Html } from './markup.js';

/**
 * A formula as it is written, and the TeX between its delimiters; `tex` is undefined for text that only looks like a
 * placeholder.
 */
export interface Formula {
  written: string;
  tex?: string;
  display: boolean;
}

/**
 * Encloses the number of a formula in its placeholder: texts contain this character only by mistake, and parsers of
 * Markdown and HTML leave it alone.
 */
const mark = '\uE000';
const place = /(?:\uE000|%EE%80%80)(\d+)(?:\uE000|%EE%80%80)/g;

/**
 * Matches everything that begins or ends a formula, or shows that no formula continues; in Markdown, the backslash
 * before a bracket must be doubled.
 */
const delimiters = (slashes: string): RegExp =>
  new RegExp(
    String.raw`(?<bracket>${slashes}[()[\]])|\\(?:begin|end)\{[a-z]+\*?\}|\\(?:eq)?ref\{[^{}\n]*\}|\\[^]|\$\$?|[{}]|\n[ \t\r]*(?=\n)|${mark}`,
    'gi',
  );
const inMarkdown = delimiters(String.raw`\\\\`);
const inHtml = delimiters(String.raw`\\`);

/** A text with placeholders for its formulas. */
export class Formulas {
  readonly list: Formula[] = [];
  readonly text: string;

  private constructor(
    private readonly source: string,
    delimiter: RegExp,
    code: readonly CodeRange[],
  ) {
    let [shown, done] = ['', 0];
    const take = (from: number, to: number, formula: Pick<Formula, 'tex' | 'display'>): void => {
      shown += `${source.slice(done, from)}${mark}${this.list.length}${mark}`;
      this.list.push({ written: source.slice(from, to), ...formula });
      done = to;
    };
    this.scan(delimiter, [...code].reverse(), take);
    this.text = shown + source.slice(done);
  }

  /** Takes the formulas out of Markdown: those that Jupyter would find, none in code. */
  static inMarkdown(source: string): Formulas {
    return new Formulas(source, inMarkdown, source.includes('$') || source.includes('\\') ? codeIn(source) : []);
  }

  /** Takes the formulas out of text between tags. */
  static inHtmlText(html: string): Formulas {
    return new Formulas(html, inHtml, []);
  }

  /** Returns a part of the text with its formulas as they were written. */
  asWritten(part: string): string {
    return part.replace(place, (found, number: string) => this.list.at(Number(number))?.written ?? found);
  }

  /** Returns a part of the text, as HTML, with its formulas as `show` renders them. */
  shown(part: string, show: (formula: Formula) => Html): string {
    return part.replace(place, (found, number: string) => {
      const formula = this.list.at(Number(number));
      return formula ? String(show(formula)) : found;
    });
  }

  /** Returns the formula of a part of the text that is only its placeholder; undefined for any other part. */
  only(part: string): Formula | undefined {
    const [, number] = /^\uE000(\d+)\uE000$/.exec(part) ?? [];
    return number === undefined ? undefined : this.list.at(Number(number));
  }

  private scan(
    delimiter: RegExp,
    code: CodeRange[],
    take: (from: number, to: number, formula: Pick<Formula, 'tex' | 'display'>) => void,
  ): void {
    const { source } = this;
    let open: { sign: string; at: number; end: string; braces: number } | undefined;
    delimiter.lastIndex = 0;
    for (let match = delimiter.exec(source); match; match = delimiter.exec(source)) {
      const [sign] = match;
      const { index } = match;
      const after = delimiter.lastIndex;
      let inCode: CodeRange | undefined;
      while (code.length > 0 && code.at(-1)!.start <= index) {
        inCode = code.pop()!;
        if (inCode.block) open = undefined;
      }
      if (inCode && inCode.end > index) delimiter.lastIndex = inCode.end;
      else if (sign === mark) {
        take(index, after, { display: false });
        open = undefined;
      } else if (/^\\(eq)?ref/i.test(sign)) {
        if (!open) take(index, after, { tex: sign, display: false });
      } else if (sign.startsWith('\n')) {
        open = undefined;
      } else if (open && sign === '{') {
        open.braces++;
      } else if (open && sign === '}') {
        open.braces = Math.max(0, open.braces - 1);
      } else if (open && sign === open.end && open.braces === 0) {
        const inner = source.slice(open.at + open.sign.length, index);
        if (sign !== '$' || mayBeInline(inner, source.charAt(after))) {
          const isWhole = open.sign.startsWith('\\begin');
          const tex = unquoted(isWhole ? source.slice(open.at, after) : inner, source, open.at);
          take(open.at, after, { tex, display: isWhole || /^\$\$|\]$/.test(sign) || hasRows.test(tex) });
          open = undefined;
        } else open = { sign, at: index, end: sign, braces: 0 };
      } else if (!open || (open.sign === '$' && sign === '$$')) {
        const end = endOf(sign, match.groups?.bracket !== undefined);
        if (end !== undefined) open = { sign, at: index, end, braces: 0 };
      }
    }
  }
}

/** Environments that LaTeX displays whatever their delimiters are. */
const hasRows = /\\begin\{(equation|align|alignat|gather|multline|flalign|eqnarray)\*?\}/;

function endOf(sign: string, isBracket: boolean): string | undefined {
  if (isBracket) return /[([]$/.test(sign) ? sign.replace('(', ')').replace('[', ']') : undefined;
  if (sign.startsWith('$')) return sign;
  return /^\\begin/i.test(sign) ? sign.replace(/begin/i, 'end') : undefined;
}

/** Whether the text between two dollars is a formula, not the words between two prices. */
const mayBeInline = (inner: string, after: string): boolean =>
  inner.trim() !== '' && /^\s/.test(inner) === /\s$/.test(inner) && !/\d/.test(after);

/** Removes the `>` of a surrounding quotation from the lines of a formula. */
function unquoted(tex: string, source: string, at: number): string {
  if (!tex.includes('\n')) return tex;
  const line = source.slice(source.lastIndexOf('\n', at - 1) + 1, at);
  return /^\s*>/.test(line) ? tex.replace(/^[ \t]*(?:>[ \t]?)+/gm, '') : tex;
}

interface CodeRange {
  start: number;
  end: number;
  /** Whether it consists of whole lines: no formula continues across it. */
  block: boolean;
}

/**
 * Returns where code is in Markdown, in order: fenced blocks, and text between two equal runs of backticks in a
 * paragraph.
 */
function codeIn(text: string): CodeRange[] {
  const ranges: CodeRange[] = [];
  const paragraphs: RegExpMatchArray[][] = [[]];
  let fence: { start: number; sign: string } | undefined;
  for (const match of text.matchAll(/^[ \t>]*(~{3,}|`{3,})([^`\n]*)$|`+|\n[ \t\r]*(?=\n)/gm)) {
    const [found, sign, info = ''] = match;
    const end = match.index + found.length;
    if (fence) {
      if (!sign?.startsWith(fence.sign) || info.trim() !== '') continue;
      ranges.push({ start: fence.start, end, block: true });
      fence = undefined;
    } else if (sign) fence = { start: match.index, sign };
    else if (found.startsWith('`')) paragraphs.at(-1)!.push(match);
    if (sign || found.startsWith('\n')) paragraphs.push([]);
  }
  if (fence) ranges.push({ start: fence.start, end: text.length, block: true });
  return [...ranges, ...paragraphs.flatMap(spans)].sort((a, b) => a.start - b.start);
}

/** Returns the spans of code in one paragraph: each goes from a run of backticks to the next run of the same length. */
function spans(runs: RegExpMatchArray[]): CodeRange[] {
  const later = new Map<string, number>();
  const next = new Array<number | undefined>(runs.length);
  for (let index = runs.length - 1; index >= 0; index--) {
    next[index] = later.get(runs[index][0]);
    later.set(runs[index][0], index);
  }
  const found: CodeRange[] = [];
  for (let index = 0; index < runs.length; index++) {
    const closing = next[index];
    if (closing === undefined) continue;
    const last = runs[closing];
    found.push({ start: runs[index].index!, end: last.index! + last[0].length, block: false });
    index = closing;
  }
  return found;
}
