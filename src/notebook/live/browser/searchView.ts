import type { CellView } from './cellView.js';
import { button, element } from './elements.js';

/** A place where the text was found: in a cell's source, or in its rendered text and outputs. */
type Found = { cell: CellView; from: number; to: number } | { cell: CellView; range: Range };

const MOST = 1000;

/** Where a lower-case text begins in another, ignoring case. */
function places(text: string, wanted: string): number[] {
  const found: number[] = [];
  const low = text.toLowerCase();
  for (let at = low.indexOf(wanted); at >= 0 && found.length < MOST; at = low.indexOf(wanted, at + wanted.length))
    found.push(at);
  return found;
}

/** Where a text occurs in an element, also across its child elements. */
function rangesIn(root: Element, wanted: string): Range[] {
  const shown = (node: Node): number =>
    node.parentElement!.closest('script, [hidden], .katex-mathml')
      ? NodeFilter.FILTER_REJECT
      : NodeFilter.FILTER_ACCEPT;
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT, shown);
  const nodes: [node: Node, start: number][] = [];
  let text = '';
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    nodes.push([node, text.length]);
    text += node.textContent ?? '';
  }
  const place = (offset: number): [Node, number] => {
    const [node, start] = nodes.findLast(([, from]) => from <= offset)!;
    return [node, offset - start];
  };
  return places(text, wanted).map((at) => {
    const range = document.createRange();
    range.setStart(...place(at));
    // The end belongs to the node of the last letter.
    const [node, offset] = place(at + wanted.length - 1);
    range.setEnd(node, offset + 1);
    return range;
  });
}

/** Finds a text in the sources, texts and outputs of all cells, also in cells that are not laid out. */
export class SearchView {
  private readonly box = element('input', {
    type: 'search',
    placeholder: 'Find in the notebook',
    'aria-label': 'Find in the notebook',
    autocomplete: 'off',
    spellcheck: 'false',
    input: () => this.find(),
    keydown: (event) => this.press(event as KeyboardEvent),
  });
  private readonly said = element('span', { role: 'status', class: 'said' });
  private found: Found[] = [];
  private index = -1;

  constructor(
    private readonly root: HTMLElement,
    private readonly cells: () => CellView[],
    /** Gives the keyboard focus back, to the cell that was found. */
    private readonly leave: (cell: CellView | undefined) => void,
  ) {
    root.append(
      this.box,
      this.said,
      button('↑', () => this.step(-1), { title: 'The one before (Shift+Enter)', 'aria-label': 'The one before' }),
      button('↓', () => this.step(1), { title: 'The next one (Enter)', 'aria-label': 'The next one' }),
      button('×', () => this.close(), { title: 'Close (Escape)', 'aria-label': 'Close the search' }),
    );
  }

  open(): void {
    this.root.hidden = false;
    this.box.focus();
    this.box.select();
    this.find();
  }

  private close(): void {
    this.root.hidden = true;
    this.highlight([]);
    this.leave(this.found.at(this.index)?.cell);
  }

  private press(event: KeyboardEvent): void {
    if (event.key === 'Escape') this.close();
    else if (event.key === 'Enter') this.step(event.shiftKey ? -1 : 1);
    else return;
    event.preventDefault();
  }

  private find(): void {
    const wanted = this.box.value.toLowerCase();
    this.found =
      wanted === ''
        ? []
        : this.cells()
            .flatMap((cell) => findIn(cell, wanted))
            .slice(0, MOST);
    this.index = -1;
    this.highlight(this.found);
    if (this.found.length > 0) this.step(1);
    else this.said.textContent = wanted === '' ? '' : 'not found';
  }

  private step(by: number): void {
    const { length } = this.found;
    if (length === 0) return;
    // A text cell whose source was shown is rendered again.
    this.found.at(this.index)?.cell.leave();
    this.index = (this.index + by + length) % length;
    this.said.textContent = `${this.index + 1} of ${length}${length === MOST ? ' or more' : ''}`;
    const one = this.found[this.index];
    if ('range' in one) one.cell.show(one.range.startContainer.parentElement!);
    else one.cell.reveal(one.from, one.to);
    if ('highlights' in CSS) CSS.highlights.set('found-here', new Highlight(...('range' in one ? [one.range] : [])));
  }

  /** Highlights what was found; in sources the editor's selection does this. */
  private highlight(found: Found[]): void {
    if (!('highlights' in CSS)) return;
    CSS.highlights.delete('found-here');
    CSS.highlights.set('found', new Highlight(...found.flatMap((one) => ('range' in one ? [one.range] : []))));
  }
}

function findIn(cell: CellView, wanted: string): Found[] {
  const ranges = cell.read.flatMap((part) => rangesIn(part, wanted)).map((range) => ({ cell, range }));
  // A text cell is searched as rendered; its source is searched only if nothing is found there, as for a formula.
  if (cell.type === 'markdown' && ranges.length > 0) return ranges;
  const sources = places(cell.source, wanted).map((from) => ({ cell, from, to: from + wanted.length }));
  return [...sources, ...ranges];
}
