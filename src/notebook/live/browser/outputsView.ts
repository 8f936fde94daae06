import DOMPurify, { type WindowLike } from 'dompurify';
import { sanitizer } from '../../render/sanitizer.js';
import type { OutputsPatch } from '../protocol.js';
import { button, element } from './elements.js';
import { drawFigure, figureIn, forgetFigure, takeFigure, writeFigure, linesOf, withBefore } from './figurePlace.js';

let clean: ReturnType<typeof sanitizer> | undefined;

/**
 * Foreign HTML is parsed in a frame that may not run scripts, so that not even the page's policy has anything to block.
 */
function createSanitizer(): ReturnType<typeof sanitizer> {
  const frame = element('iframe', { sandbox: 'allow-same-origin', hidden: true, title: 'Where outputs are sanitised' });
  document.body.append(frame);
  return sanitizer(DOMPurify(frame.contentWindow as unknown as WindowLike));
}

/**
 * Shows the foreign HTML of texts and outputs. The server sends it unsanitised, as an attribute of a placeholder; it is
 * sanitised here and replaces the placeholder. The placeholder's children are parts that need no sanitising: each goes
 * to the element of that HTML whose class has its index.
 */
export function showForeignHtml(root: Element): void {
  for (const place of root.querySelectorAll<HTMLElement>('[data-foreign-html]')) {
    clean ??= createSanitizer();
    const shown = clean(place.dataset.foreignHtml!);
    const parts = [...place.children];
    for (const held of shown.querySelectorAll('[class^="sparsebook-part-"]')) {
      held.replaceWith(...(parts[Number(held.className.slice('sparsebook-part-'.length))]?.childNodes ?? []));
    }
    place.replaceWith(...shown.childNodes);
  }
}

/** The outputs below a cell. The server sends safe HTML, and foreign HTML that is sanitised here. */
export class OutputsView {
  readonly root: HTMLElement = element('div', { class: 'outputs' });
  /** How often each figure has been drawn since the run began: a figure that is drawn more than once moves. */
  readonly redraws: number[] = [];
  /** The lines that the previous run left, figure by figure. */
  private before: ReturnType<typeof linesOf>[] = [];
  private showBefore = true;

  /**
   * `pin` puts the n-th figure beside the sliders, or removes it from there; without `pin` the page has no such place.
   */
  constructor(private readonly pin?: (nth: number) => void) {}

  /** The places of the figures, in order. */
  get figures(): Element[] {
    return figuresIn(this.root);
  }

  /**
   * A run begins: keeps the curves shown here (or in `shown`) as those of the previous run, and reserves the height of
   * these outputs for the new ones.
   */
  begin(shown: HTMLElement = this.root): void {
    this.before = figuresIn(shown).map((place) => linesOf(figureIn(place)!));
    this.redraws.length = 0;
    this.root.style.minHeight = `${shown.offsetHeight}px`;
  }

  end(): void {
    this.root.style.minHeight = '';
  }

  /** Shows or hides the curves of the previous run. */
  setBefore(shown: boolean): void {
    this.showBefore = shown;
    for (const place of this.figures) {
      if (this.writeBefore(place)) drawFigure(place);
    }
  }

  /** Takes the changed outputs; a changed figure is redrawn in place. */
  patch({ length, changed }: OutputsPatch): void {
    while (this.root.children.length > length) this.drop(this.root.lastElementChild!);
    for (const [index, html] of Object.entries(changed)) {
      const old = this.root.children.item(Number(index));
      const next = element('div', { class: 'output-place' });
      next.innerHTML = html;
      showForeignHtml(next);
      const taken = old !== null && takeFigure(old, next);
      if (!old) this.root.append(next);
      else if (!taken) {
        keepScroll(old, next);
        this.drop(old, next);
      }
      this.show(taken ? old : next);
    }
  }

  private show(place: Element): void {
    const nth = this.figures.indexOf(place);
    if (nth < 0) return;
    this.redraws[nth] = (this.redraws[nth] ?? 0) + 1;
    this.writeBefore(place);
    const frame = place.querySelector('figure')!;
    const pin = (): void => this.pin?.(this.figures.indexOf(place));
    if (this.pin && !frame.querySelector('.pin')) {
      frame.append(button('Pin', pin, { class: 'pin', title: 'Keep this figure in view beside the parameters (p)' }));
    }
    drawFigure(place);
  }

  /** Puts the previous run's lines behind a figure, or removes them; returns whether there are any. */
  private writeBefore(place: Element): boolean {
    const before = this.before[this.figures.indexOf(place)] ?? [];
    if (before.length > 0) writeFigure(place, withBefore(figureIn(place)!, this.showBefore ? before : []));
    return before.length > 0;
  }

  private drop(old: Element, next?: Element): void {
    forgetFigure(old);
    if (next) old.replaceWith(next);
    else old.remove();
  }
}

const figuresIn = (outputs: Element): Element[] =>
  [...outputs.children].filter((place) => place.querySelector('.plot'));

/** Keeps the scroll position of a long text; one scrolled to its end stays at its end as it grows. */
function keepScroll(old: Element, next: Element): void {
  const [before, after] = [old, next].map((one) => one.querySelector('pre.long'));
  if (!before || !after) return;
  const { scrollTop, scrollHeight, clientHeight } = before;
  const atEnd = scrollTop + clientHeight > scrollHeight - 8;
  requestAnimationFrame(() => (after.scrollTop = atEnd ? after.scrollHeight : scrollTop));
}
