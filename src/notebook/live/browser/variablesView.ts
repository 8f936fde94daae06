import type { Variable } from '../../kernel/cellVariables.js';
import type { TensorMemory } from '../protocol.js';
import { element } from './elements.js';

const units = ['B', 'kB', 'MB', 'GB', 'TB'];

/** A number of bytes in words: 999 B, 1.5 kB. */
export function memory(bytes: number): string {
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const amount = bytes / 1000 ** power;
  return `${amount.toFixed(power > 0 && amount < 10 ? 1 : 0)} ${units[power]}`;
}

/** The size of a variable: its shape, or its number of entries. */
function extent({ shape, size }: Variable): string {
  if (shape) return shape.length > 0 ? shape.join(' × ') : 'one number';
  return size === undefined ? '' : String(size);
}

/** Shows what the kernel holds: each variable's type, size and value, and the memory of all tensors. */
export class VariablesView {
  private readonly list = element('ul', { class: 'variables' });
  private readonly total = element('p', { class: 'help' });
  private readonly details: HTMLDetailsElement;

  constructor(root: HTMLElement) {
    this.details = element(
      'details',
      { class: 'variables-part' },
      element('summary', {}, 'Variables'),
      this.total,
      this.list,
    );
    root.append(this.details);
    this.show([]);
    this.showTensors(null);
  }

  show(variables: Variable[]): void {
    const none = element('li', { class: 'none' }, 'None yet: they are here once a cell has run.');
    this.list.replaceChildren(...(variables.length > 0 ? variables.map(line) : [none]));
  }

  showTensors(tensors: TensorMemory | null): void {
    this.total.hidden = !tensors;
    if (tensors) this.total.textContent = `${tensors.count} tensors hold ${memory(tensors.bytes)}.`;
  }
}

function line(variable: Variable): HTMLElement {
  const { name, type, bytes, text } = variable;
  const about = [type, extent(variable), bytes === undefined ? '' : memory(bytes)].filter(Boolean).join(', ');
  return element(
    'li',
    {},
    element('code', {}, name),
    element('span', { class: 'about', title: about }, about),
    element('code', { class: 'value', title: text }, text),
  );
}
