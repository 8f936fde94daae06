import type { CellView } from './cellView.js';
import { element } from './elements.js';

/** The states of a section, from the one that needs the most attention to the one that needs none. */
const states = {
  running: ['▸', 'running'],
  failed: ['✗', 'a cell failed'],
  queued: ['…', 'waits'],
  stale: ['↻', 'a cell is older than what it uses'],
  idle: ['○', 'not run'],
  done: ['✓', 'done'],
} as const;

type State = keyof typeof states;

interface Section {
  heading: HTMLElement;
  cell: CellView;
  /** The code cells up to the next heading. */
  code: CellView[];
}

function sectionsOf(cells: CellView[]): Section[] {
  const sections: Section[] = [];
  for (const cell of cells) {
    if (cell.type === 'code') sections.at(-1)?.code.push(cell);
    else for (const heading of cell.headings) sections.push({ heading, cell, code: [] });
  }
  return sections;
}

function stateOf({ run: { state, fault, count } }: CellView): State {
  if (state !== 'idle') return state;
  return fault ?? (count === null ? 'idle' : 'done');
}

/** A copy of the heading's content for a link: with its formulas, but without links and ids. */
function wordsOf(heading: HTMLElement): Node[] {
  const copy = heading.cloneNode(true) as HTMLElement;
  for (const part of copy.querySelectorAll('[id]')) part.removeAttribute('id');
  for (const link of copy.querySelectorAll('a')) link.replaceWith(...link.childNodes);
  return [...copy.childNodes];
}

/** The outline: the notebook's sections, each with its state. */
export class OutlineView {
  private readonly list = element('ul');
  private shown = '';
  private sections: Section[] = [];

  constructor(private readonly root: HTMLElement) {
    root.append(element('h2', {}, 'Outline'), this.list);
    addEventListener('scroll', () => this.markRead(), { passive: true });
  }

  show(cells: CellView[]): void {
    this.sections = sectionsOf(cells);
    const shape = this.sections.map(({ heading, cell }) => `${cell.id} ${heading.outerHTML}`).join('\n');
    if (shape !== this.shown) this.list.replaceChildren(...this.sections.map((section) => this.line(section)));
    this.shown = shape;
    for (const [index, { code }] of this.sections.entries()) this.mark(this.list.children[index], code);
    this.markRead();
  }

  private line({ heading, cell }: Section): HTMLElement {
    const nth = cell.headings.indexOf(heading as HTMLHeadingElement);
    const go = (event: Event): void => {
      event.preventDefault();
      if (this.root.matches(':popover-open')) this.root.hidePopover();
      cell.reach(cell.headings[nth]);
      cell.root.focus({ preventScroll: true });
    };
    const link = element('a', { href: `#${heading.id}`, click: go }, ...wordsOf(heading));
    return element('li', { class: heading.tagName.toLowerCase() }, element('span', { class: 'state' }), link);
  }

  private mark(line: Element, code: CellView[]): void {
    const found = new Set(code.map(stateOf));
    const state = (Object.keys(states) as State[]).find((one) => found.has(one));
    const sign = line.querySelector<HTMLElement>('.state')!;
    const [mark, words] = state ? states[state] : ['', ''];
    if (sign.dataset.state === state && sign.textContent === mark) return;
    sign.dataset.state = state ?? '';
    sign.textContent = mark;
    sign.title = words;
    sign.ariaLabel = words;
    sign.role = state ? 'img' : 'presentation';
  }

  /** Marks the section that is being read. */
  private markRead(): void {
    // A heading in a far cell is not laid out; the position of its cell is enough.
    const isAbove = ({ top }: DOMRect): boolean => top < innerHeight / 2;
    const above = this.sections.filter(({ heading, cell }) => {
      const box = cell.root.getBoundingClientRect();
      return box.bottom < 0 || (isAbove(box) && isAbove(heading.getBoundingClientRect()));
    });
    for (const [index, line] of [...this.list.children].entries()) {
      const link = line.querySelector('a')!;
      if (index === above.length - 1) link.setAttribute('aria-current', 'true');
      else link.removeAttribute('aria-current');
    }
  }
}
