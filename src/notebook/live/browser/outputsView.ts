import DOMPurify, { type WindowLike } from 'dompurify';
import { sanitizer } from '../../report/sanitizer.js';
import { element, loadPlotly, whenNear } from './elements.js';
import { Figures } from '../../report/browser/figures.js';
import type { OutputsPatch } from '../protocol.js';

let clean: ReturnType<typeof sanitizer> | undefined;

/** Foreign HTML is parsed in a frame that may run nothing: not even the policy of the page has anything to stop then. */
function createSanitizer(): ReturnType<typeof sanitizer> {
  const frame = element('iframe', { sandbox: 'allow-same-origin', hidden: true, title: 'Where outputs are sanitised' });
  document.body.append(frame);
  return sanitizer(DOMPurify(frame.contentWindow as unknown as WindowLike));
}

/**
 * Puts the HTML of texts and outputs, which the server sends as it is but as a mere attribute, in its place, sanitised. What stands
 * there meanwhile are parts that need none of it, and to which places in that HTML belong.
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

let figures: Figures | undefined;

/** The outputs below a cell. What the server sends is HTML that is safe, and foreign HTML that is sanitised here. */
export class OutputsView {
  readonly root: HTMLElement = element('div', { class: 'outputs' });

  /** Takes the outputs that changed; a figure that changed is redrawn in its place. */
  patch({ length, changed }: OutputsPatch): void {
    while (this.root.children.length > length) this.drop(this.root.lastElementChild!);
    for (const [index, html] of Object.entries(changed)) {
      const old = this.root.children.item(Number(index));
      const next = element('div', { class: 'output-place' });
      next.innerHTML = html;
      showForeignHtml(next);
      if (!old) this.root.append(next);
      else if (!this.redraw(old, next)) {
        keepScroll(old, next);
        this.drop(old, next);
      } else continue;
      this.draw(next);
    }
  }

  private drop(old: Element, next?: Element): void {
    figures?.forget(old);
    if (next) old.replaceWith(next);
    else old.remove();
  }

  private draw(place: Element): void {
    const plot = place.querySelector<HTMLElement>('.plot');
    if (!plot) return;
    figures ??= new Figures(loadPlotly);
    whenNear(plot, () => void figures!.draw(plot));
  }

  /** Puts the new data and caption where the old figure is; false where one of the two is no figure. */
  private redraw(old: Element, next: Element): boolean {
    const [plot, fresh] = [old, next].map((one) => one.querySelector<HTMLElement>('.plot'));
    if (!plot?.classList.contains('drawn') || !fresh) return false;
    plot.setAttribute('aria-label', fresh.getAttribute('aria-label') ?? '');
    for (const part of ['figcaption', 'script[type="application/json"]']) {
      old.querySelector(part)!.replaceWith(next.querySelector(part)!);
    }
    void figures!.draw(plot);
    return true;
  }
}

/** A text that scrolls in its box and was at its end stays there as it grows. */
function keepScroll(old: Element, next: Element): void {
  const [before, after] = [old, next].map((one) => one.querySelector('pre.long'));
  if (!before || !after) return;
  const { scrollTop, scrollHeight, clientHeight } = before;
  const atEnd = scrollTop + clientHeight > scrollHeight - 8;
  requestAnimationFrame(() => (after.scrollTop = atEnd ? after.scrollHeight : scrollTop));
}
