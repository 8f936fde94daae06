import DOMPurify, { type WindowLike } from 'dompurify';
import { sanitizer } from '../../render/sanitizer.js';
import type { OutputsPatch } from '../protocol.js';
import { button, element } from './elements.js';
import { drawFigure, figureIn, forgetFigure, takeFigure, writeFigure, linesOf, withBefore } from './figurePlace.js';

let clean: ReturnType<typeof sanitizer> | undefined;

/**
 * Foreign HTML is parsed in a frame that may run nothing: not even the policy of the page has anything to stop then.
 */
function createSanitizer(): ReturnType<typeof sanitizer> {
  const frame = element('iframe', { sandbox: 'allow-same-origin', hidden: true, title: 'Where outputs are sanitised' });
  document.body.append(frame);
  return sanitizer(DOMPurify(frame.contentWindow as unknown as WindowLike));
}

/**
 * Puts the HTML of texts and outputs, which the server sends as it is but as a mere attribute, in its place, sanitised.
 * What stands there meanwhile are parts that need none of it, and to which places in that HTML belong.
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

/** The outputs below a cell. What the server sends is HTML that is safe, and foreign HTML that is sanitised here. */
export class OutputsView {
  readonly root: HTMLElement = element('div', { class: 'outputs' });
  /** How often each figure has been redrawn since the run began: more than once, it moves. */
  readonly redraws: number[] = [];
  /** The lines that the run before left, figure by figure. */
  private before: ReturnType<typeof linesOf>[] = [];
  private showBefore = true;

  /**
   * `pin` puts the n-th figure beside the sliders, or takes it away from there; a page without it has no such place.
   */
  constructor(private readonly pin?: (nth: number) => void) {}

  /** The places of the figures, in order. */
  get figures(): Element[] {
    return figuresIn(this.root);
  }

  /**
   * A run begins: what stands here, or in its place, stays behind its curves, and holds the place of what is to come.
   */
  begin(shown: HTMLElement = this.root): void {
    this.before = figuresIn(shown).map((place) => linesOf(figureIn(place)!));
    this.redraws.length = 0;
    this.root.style.minHeight = `${shown.offsetHeight}px`;
  }

  end(): void {
    this.root.style.minHeight = '';
  }

  /** Shows the curves of the run before, or hides them. */
  setBefore(shown: boolean): void {
    this.showBefore = shown;
    for (const place of this.figures) {
      if (this.writeBefore(place)) drawFigure(place);
    }
  }

  /** Takes the outputs that changed; a figure that changed is redrawn in its place. */
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

  /** Puts the lines of the run before behind a figure, or takes them away; returns whether there are any. */
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

/** A text that scrolls in its box and was at its end stays there as it grows. */
function keepScroll(old: Element, next: Element): void {
  const [before, after] = [old, next].map((one) => one.querySelector('pre.long'));
  if (!before || !after) return;
  const { scrollTop, scrollHeight, clientHeight } = before;
  const atEnd = scrollTop + clientHeight > scrollHeight - 8;
  requestAnimationFrame(() => (after.scrollTop = atEnd ? after.scrollHeight : scrollTop));
}
