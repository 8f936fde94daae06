import type { CellText } from '../protocol.js';
import { button } from './elements.js';

type Part = NonNullable<CellText['folded']>[number];

/** The parts that a cell asks to hide: folded away below a button, but still there to be read, edited and run. */
export class Folds {
  readonly source = this.shows('source');
  readonly outputs = this.shows('outputs');
  private asked = '';

  constructor(private readonly root: () => HTMLElement) {}

  /** Takes the parts that the cell asks to hide; while they are the same, what the reader has unfolded stays open. */
  take(folded: readonly Part[] = []): void {
    const asked = folded.join(' ');
    if (asked !== this.asked) this.root().dataset.folded = asked;
    this.asked = asked;
    this.source.hidden = !folded.includes('source');
    this.outputs.hidden = !folded.includes('outputs');
    this.name();
  }

  /** Shows a part, or folds it away. */
  set(part: Part, open: boolean): void {
    const others = this.now.filter((other) => other !== part);
    this.root().dataset.folded = (open ? others : [...others, part]).join(' ');
    this.name();
  }

  private get now(): string[] {
    return (this.root().dataset.folded ?? '').split(' ').filter(Boolean);
  }

  private name(): void {
    for (const part of ['source', 'outputs'] as const) {
      const open = !this.now.includes(part);
      const what = part === 'outputs' ? 'output' : this.root().dataset.type === 'code' ? 'code' : 'text';
      this[part].textContent = `${open ? 'Hide' : 'Show'} ${what}`;
      this[part].setAttribute('aria-expanded', String(open));
    }
  }

  private shows(part: Part): HTMLButtonElement {
    return button('', () => this.set(part, this.now.includes(part)), { class: 'fold', hidden: true });
  }
}
