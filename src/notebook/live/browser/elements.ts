import type { Plotly } from '../../report/browser/figures.js';

type Attributes = Record<string, string | boolean | ((event: Event) => void)>;

/**
 * Makes an element with attributes (`true` for one without a value, `false` to omit it), listeners (functions) and
 * children.
 */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') made.addEventListener(name, value);
    else if (value === true) made.setAttribute(name, '');
    else if (value !== false) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** Sets an element's text if it differs: setting it always makes the browser lay out the page again. */
export function write(place: Element, text: string): void {
  if (place.textContent !== text) place.textContent = text;
}

/** The element with an id that the page has from the start. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

/** A button with a label and its action. */
export function button(words: string, act: () => void, attributes: Attributes = {}): HTMLButtonElement {
  return element('button', { type: 'button', click: act, ...attributes }, words);
}

/** Asks for a text in a dialog; resolves with undefined if it is cancelled. */
export function askFor(question: string, value: string, done: string): Promise<string | undefined> {
  const box = element('input', { type: 'text', value, required: true, autocomplete: 'off', spellcheck: 'false' });
  const dialog = element('dialog', { class: 'ask' });
  const cancel = button('Cancel', () => dialog.close());
  const submit = element('button', { class: 'primary', value: 'done' }, done);
  const row = element('div', { class: 'row' }, cancel, submit);
  dialog.append(element('form', { method: 'dialog' }, element('label', {}, question, box), row));
  document.body.append(dialog);
  dialog.showModal();
  // Selects the name, without its folders and ending.
  box.setSelectionRange(value.lastIndexOf('/') + 1, value.replace(/\.ipynb$/, '').length);
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'done' ? box.value.trim() : undefined);
    });
  });
}

/** Loads plotly.js. */
export function loadPlotly(): Promise<Plotly> {
  return new Promise((resolve, reject) => {
    const loaded = (): void => resolve((globalThis as unknown as { Plotly: Plotly }).Plotly);
    document.head.append(element('script', { src: '/assets/plotly.js', load: loaded, error: reject }));
  });
}

/** Notices for the user at the top of the page: one for each matter, until it is settled or closed. */
export class Notices {
  private readonly shown = new Map<string, HTMLElement>();

  constructor(private readonly root: HTMLElement) {}

  /** Shows a notice about a matter in place of the previous one; without a text, the matter is settled. */
  say(
    matter: string,
    text: string | undefined,
    choices: { label: string; act: () => void }[] = [],
    closable = false,
  ): void {
    const before = this.shown.get(matter);
    if (before?.dataset.text === text && text !== undefined) return;
    before?.remove();
    this.shown.delete(matter);
    if (text === undefined) return;
    const notice = element('div', { class: 'notice' }, element('p', {}, text));
    notice.append(...choices.map(({ label, act }) => button(label, act)));
    const close = (): void => this.say(matter, undefined);
    if (closable) notice.append(button('×', close, { 'aria-label': 'Close this notice' }));
    notice.dataset.matter = matter;
    notice.dataset.text = text;
    this.shown.set(matter, notice);
    this.root.append(notice);
  }
}
