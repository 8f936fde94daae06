import type { ParameterControl } from '../protocol.js';
import { readUnion, unionParts } from '../unionType.js';
import { button, element } from './elements.js';

interface PanelHost {
  set(name: string, value: unknown): void;
  run(): void;
  reset(): void;
  /** Shows or hides the curves of the previous run. */
  showBefore(shown: boolean): void;
}

/** The panel of the notebook's parameters: a slider, box, choice or switch for each value, with its comment. */
export class ParametersView {
  private readonly rows = new Map<string, Row>();
  private readonly list = element('div', { class: 'controls-list' });
  private readonly reset = button('Reset to defaults', () => this.host.reset(), {
    title: 'Every parameter back to the value that the notebook’s file has',
  });
  private readonly details: HTMLElement;
  private shape = '';

  constructor(
    root: HTMLElement,
    private readonly host: PanelHost,
    words = 'Apply',
  ) {
    const apply = element('button', { type: 'submit', class: 'primary' }, words);
    apply.title = 'Run what has become stale, and what it needs; if nothing has, whatever depends on a parameter';
    const toggle = (): void => host.showBefore(before.checked);
    const before = element('input', { type: 'checkbox', checked: true, change: toggle });
    const ghosts = element('label', { class: 'before' }, before, 'Show the run before in curves, pale');
    const row = element('div', { class: 'row' }, this.reset, apply, ghosts);
    const form = element('form', { submit: (event) => this.submit(event) }, this.list, row);
    this.details = element(
      'details',
      { open: true, class: 'parameters-part' },
      element('summary', {}, 'Parameters'),
      form,
    );
    root.append(this.details);
  }

  show(controls: ParameterControl[]): void {
    this.details.hidden = controls.length === 0;
    this.reset.disabled = controls.every((control) => control.default === undefined);
    const shape = JSON.stringify(
      controls.map(({ name, range, choices, comment, value, type }) => {
        return [name, !!range, choices, comment, unionParts(type).length > 0 ? type : typeof value];
      }),
    );
    if (shape !== this.shape) {
      this.rows.clear();
      for (const control of controls) this.rows.set(control.name, new Row(control, this.host));
      this.list.replaceChildren(...[...this.rows.values()].map(({ root }) => root));
      this.shape = shape;
    }
    for (const control of controls) this.rows.get(control.name)?.show(control);
  }

  private submit(event: Event): void {
    event.preventDefault();
    const refused = [...this.rows.values()].filter((row) => !row.send());
    if (refused.length === 0) this.host.run();
    else refused[0].focus();
  }
}

class Row {
  readonly root: HTMLElement;
  private readonly box: HTMLInputElement | HTMLSelectElement;
  private readonly slider: HTMLInputElement | undefined;
  private readonly was = element('span', { class: 'was' });
  private readonly fault = element('p', { class: 'fault', role: 'alert' });
  private control: ParameterControl;
  private timer = 0;
  /** The text that the box was last given, or last passed on. */
  private settled = '';

  constructor(
    control: ParameterControl,
    private readonly host: PanelHost,
  ) {
    this.control = control;
    const { name, comment, value, range, choices } = control;
    const id = `parameter-${name}`;
    const help = `${id}-help`;
    this.box = boxFor(control, { id, 'aria-describedby': help, disabled: value === undefined });
    this.box.addEventListener('change', () => this.send());
    const label = element('label', { for: id }, element('code', {}, name), ' ', this.was);
    this.root = element('div', { class: 'parameter' }, label);
    if (range) {
      const named = { 'aria-label': name, 'aria-describedby': help };
      this.slider = element('input', { type: 'range', ...named, input: () => this.slide() });
      this.root.append(this.slider);
    }
    this.root.append(this.box);
    if (choices && !choices.only) {
      const options = choices.values.map((one) => element('option', { value: one }));
      this.root.append(element('datalist', { id: `${id}-list` }, ...options));
      this.box.setAttribute('list', `${id}-list`);
    }
    const said = value === undefined ? `${comment}${comment && '; '}computed in the cell` : comment;
    this.root.append(element('p', { class: 'help', id: help }, said), this.fault);
  }

  /** Shows the document's value, unless the user is just changing it. */
  show(control: ParameterControl): void {
    this.control = control;
    const { range, value, default: usual } = control;
    this.root.classList.toggle('changed', usual !== undefined);
    this.was.textContent = usual === undefined ? '' : `was ${textOf(usual)}`;
    if (range && this.slider) {
      this.slider.min = String(range.min);
      this.slider.max = String(range.max);
      this.slider.step = String(range.step);
    }
    if (this.timer || this.isWritten) return;
    if (this.box instanceof HTMLInputElement && this.box.type === 'checkbox') this.box.checked = value === true;
    else this.settled = this.box.value = textOf(value);
    if (this.slider && this.slider !== document.activeElement) this.slider.value = textOf(value);
    this.fault.textContent = '';
  }

  /** Passes on the written value if it has changed; if it is not valid, says why and returns false. */
  send(): boolean {
    clearTimeout(this.timer);
    this.timer = 0;
    if (this.control.value === undefined) return true;
    const read = this.read();
    this.fault.textContent = read === undefined ? this.whyNot() : '';
    if (read === undefined) return false;
    this.settled = this.box.value;
    if (JSON.stringify(read) === JSON.stringify(this.control.value)) return true;
    this.control = { ...this.control, value: read as ParameterControl['value'] };
    this.host.set(this.control.name, read);
    return true;
  }

  focus(): void {
    this.box.focus();
  }

  /** Whether the box holds a text that is not passed on yet. Choices and switches are passed on at once. */
  private get isWritten(): boolean {
    const { box } = this;
    return (
      box instanceof HTMLInputElement &&
      box.type === 'text' &&
      box === document.activeElement &&
      box.value !== this.settled
    );
  }

  private slide(): void {
    this.box.value = this.slider!.value;
    // The source follows the slider, but not at every pixel.
    this.timer ||= window.setTimeout(() => this.send(), 120);
  }

  private whyNot(): string {
    const { value, type } = this.control;
    const parts = unionParts(type);
    if ((typeof value === 'number' || parts.includes('number')) && losesDigits(this.box.value)) {
      return 'This has more digits than a number holds.';
    }
    return `This must be ${parts.length > 0 ? parts.join(' or ') : `a ${kindOf(value)}`}.`;
  }

  private read(): unknown {
    const { value, type } = this.control;
    const parts = unionParts(type);
    if (this.box instanceof HTMLInputElement && this.box.type === 'checkbox') return this.box.checked;
    const text = this.box.value;
    if (parts.length > 0) return parts.includes('number') && losesDigits(text) ? undefined : readUnion(parts, text);
    if (typeof value === 'string') return text;
    if (typeof value === 'number') {
      const number = text.trim() === '' ? NaN : Number(text);
      return Number.isFinite(number) && !losesDigits(text) ? number : undefined;
    }
    try {
      const parsed: unknown = JSON.parse(text);
      return value !== null && kindOf(parsed) !== kindOf(value) ? undefined : parsed;
    } catch {
      return value === null && text !== '' ? text : undefined;
    }
  }
}

/** Whether the text is a whole number with more digits than a number holds. */
function losesDigits(text: string): boolean {
  const number = Number(text);
  if (!/^\s*[+-]?\d+\s*$/.test(text)) return false;
  return !Number.isFinite(number) || BigInt(text.trim()) !== BigInt(number);
}

function boxFor(
  { value, choices, range, type }: ParameterControl,
  attributes: Record<string, string | boolean>,
): HTMLInputElement | HTMLSelectElement {
  if (choices?.only) {
    return element('select', attributes, ...choices.values.map((one) => element('option', { value: one }, one)));
  }
  const parts = unionParts(type);
  if (typeof value === 'boolean' && parts.length === 0) return element('input', { ...attributes, type: 'checkbox' });
  const typed = { type: 'text', inputmode: typeof value === 'number' && parts.length === 0 ? 'decimal' : 'text' };
  const plain = { autocomplete: 'off', spellcheck: 'false', ...(range && { class: 'short' }) };
  return element('input', { ...attributes, ...typed, ...plain });
}

const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'list such as [1, 2]';
  return typeof value === 'object' ? 'JSON object such as {"a": 1}' : typeof value;
}
