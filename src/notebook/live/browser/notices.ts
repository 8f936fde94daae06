import { element } from './element.js';

/** A button in a notice. */
export interface Choice {
  label: string;
  act: () => void;
}

/** What a person should know, at the top of the page: one notice for each matter, until it is settled or closed. */
export class Notices {
  private readonly shown = new Map<string, HTMLElement>();

  constructor(private readonly root: HTMLElement) {}

  /** Says something about a matter, in place of what was said before; nothing (undefined) settles it. */
  say(matter: string, text: string | undefined, choices: Choice[] = [], closable = false): void {
    const before = this.shown.get(matter);
    if (before?.dataset.text === text && text !== undefined) return;
    before?.remove();
    this.shown.delete(matter);
    if (text === undefined) return;
    const buttons = choices.map(({ label, act }) => element('button', { type: 'button', click: act }, label));
    const close = element(
      'button',
      { type: 'button', 'aria-label': 'Close this notice', click: () => this.say(matter, undefined) },
      '×',
    );
    const notice = element(
      'div',
      { class: 'notice' },
      element('p', {}, text),
      ...buttons,
      ...(closable ? [close] : []),
    );
    notice.dataset.matter = matter;
    notice.dataset.text = text;
    this.shown.set(matter, notice);
    this.root.append(notice);
  }
}
