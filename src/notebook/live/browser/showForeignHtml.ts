import DOMPurify, { type WindowLike } from 'dompurify';
import { sanitizer } from '../../report/sanitizer.js';
import { element } from './element.js';

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
