import { duration } from '../../../formats/text.js';
import { whenNear } from '../../report/browser/near.js';
import type { CellPatch, CellRun, CellText, CellType } from '../protocol.js';
import { Editor } from './editor.js';
import type { Ask } from './kernelHelp.js';
import { button, element } from './elements.js';
import { Folds } from './folds.js';
import type { Action } from '../keys.js';
import { OutputsView, showForeignHtml } from './outputsView.js';

export interface CellHost {
  ask: Ask;
  edit(id: string, source: string): void;
  isAhead(id: string): boolean;
  act(id: string, action: Action): void;
  /** Puts the n-th figure of a cell beside the parameters, or removes it from there. */
  pin(id: string, nth: number): void;
  entered(id: string): void;
}

const names: Record<CellType, string> = { code: 'Code cell', markdown: 'Text cell', raw: 'Raw cell' };

const tools: [action: Action, sign: string, title: string, of?: CellType][] = [
  ['runNeeds', '▶ needs', 'Run what this cell needs, and then the cell (n)', 'code'],
  ['runDependents', '▶ dependents', 'Run what depends on this cell (t)', 'code'],
  ['moveUp', '↑', 'Move up (Ctrl+Shift+↑)'],
  ['moveDown', '↓', 'Move down (Ctrl+Shift+↓)'],
  ['insertBelow', '+', 'Insert a cell below (b)'],
  ['remove', '×', 'Delete (d twice; z brings it back)'],
];

/** Why the outputs may be wrong, in words. */
function faultText({ fault, because }: CellRun): string {
  if (fault === 'failed') return 'This cell ended in an error.';
  if (!because) return 'The source has changed since it was run: what stands below is older.';
  return `${because.join(', ')} changed since this was run: what stands below is older.`;
}

export class CellView {
  readonly root: HTMLElement;
  private text: CellText = { type: 'code', source: '', tags: [] };
  private editor: Editor | undefined;
  /** Cancels waiting for the cell to come near the screen, where it gets its editor. */
  private forgo: (() => void) | undefined;
  private readonly count = element('span', { class: 'count' });
  private readonly place = element('div', { class: 'source' });
  private readonly prose = element('div', { class: 'prose' });
  private readonly folds = new Folds(() => this.root);
  private readonly warning = element('p', { class: 'warning', hidden: true });
  readonly outputs: OutputsView;
  /** The state of the cell's run. */
  run: CellRun = { state: 'idle', count: null };

  constructor(
    readonly id: string,
    private readonly host: CellHost,
  ) {
    this.outputs = new OutputsView((nth) => host.pin(id, nth));
    const tool = ([action, sign, title, of]: (typeof tools)[number]): HTMLElement =>
      button(sign, () => host.act(id, action), { title, 'aria-label': title, tabindex: '-1', 'data-of': of ?? false });
    const run = button('▶', () => host.act(id, 'run'), { class: 'run', tabindex: '-1', title: 'Run (Ctrl+Enter)' });
    this.prose.addEventListener('dblclick', () => host.act(id, 'edit'));
    this.root = element(
      'section',
      { class: 'cell', tabindex: '-1', focusin: () => host.entered(id) },
      element('div', { class: 'gutter' }, run, this.count),
      element(
        'div',
        { class: 'body' },
        this.prose,
        this.folds.source,
        this.place,
        this.warning,
        this.folds.outputs,
        this.outputs.root,
      ),
      element('div', { class: 'cell-tools' }, ...tools.map(tool)),
    );
    this.root.dataset.id = id;
  }

  get type(): CellType {
    return this.text.type;
  }

  get source(): string {
    return this.editor?.source ?? this.text.source;
  }

  get headings(): HTMLHeadingElement[] {
    return [...this.prose.querySelectorAll<HTMLHeadingElement>('h1, h2, h3')];
  }

  /** The parts to read besides the source: the rendered text and the outputs. */
  get read(): Element[] {
    return [this.prose, this.outputs.root];
  }

  patch({ text, run, outputs }: CellPatch, isOwnEdit: boolean): void {
    if (text) this.takeText(text, isOwnEdit);
    if (run) this.takeRun(run);
    if (outputs) this.outputs.patch(outputs);
  }

  number(index: number, total: number, selected: boolean): void {
    this.root.setAttribute('aria-label', `${names[this.type]} ${index + 1} of ${total}`);
    this.root.classList.toggle('selected', selected);
    this.root.tabIndex = selected ? 0 : -1;
  }

  /** Focuses the cell as a whole and scrolls it into view. */
  focus(): void {
    this.root.focus({ preventScroll: true });
    this.root.scrollIntoView({ block: 'nearest' });
  }

  /** Scrolls the cell, or a part of it, to the top of the view. */
  reach(part: Element = this.root): void {
    part.scrollIntoView({ block: 'start' });
  }

  /** Scrolls a part of the rendered text or outputs into view, and unfolds whatever it is folded away in. */
  show(part: Element): void {
    this.leave();
    this.folds.set(this.outputs.root.contains(part) ? 'outputs' : 'source', true);
    for (const closed of this.root.querySelectorAll('details')) if (closed.contains(part)) closed.open = true;
    part.scrollIntoView({ block: 'center' });
  }

  /** Selects a part of the source and brings it into view. */
  reveal(from: number, to: number): void {
    this.folds.set('source', true);
    if (this.type === 'markdown') this.root.classList.add('editing');
    this.edited().select(from, to);
  }

  edit(): void {
    this.folds.set('source', true);
    this.root.classList.add('editing');
    this.edited().view.focus();
  }

  leave(): void {
    this.root.classList.remove('editing');
  }

  private takeText(text: CellText, isOwnEdit: boolean): void {
    const other = text.type !== this.text.type;
    const source = isOwnEdit || this.host.isAhead(this.id) ? this.source : text.source;
    this.text = text;
    this.root.dataset.type = text.type;
    this.root.dataset.tags = text.tags.join(' ');
    this.folds.take(text.folded);
    this.prose.innerHTML = text.html ?? '';
    showForeignHtml(this.prose);
    if (text.type === 'markdown' && source.trim() === '')
      this.prose.innerHTML = '<p class="empty">Empty text: press Enter to write.</p>';
    if (other) {
      this.editor?.view.destroy();
      this.editor = undefined;
    }
    if (this.editor) this.editor.show(source);
    else this.promiseEditor(source);
  }

  /**
   * Shows the source without an editor, which is made when the cell comes near the screen. A text cell, which is read
   * more often than edited, gets its editor only on request.
   */
  private promiseEditor(source: string): void {
    this.forgo?.();
    this.forgo = undefined;
    this.text = { ...this.text, source };
    this.place.replaceChildren();
    if (this.type === 'markdown') return;
    this.place.append(element('pre', { class: 'no-editor' }, source));
    this.forgo = whenNear(this.root, () => this.edited());
  }

  private edited(): Editor {
    this.forgo?.();
    this.forgo = undefined;
    if (this.editor) return this.editor;
    this.editor = new Editor({
      language: this.type === 'code' ? 'typescript' : 'text',
      label: `Source of the ${names[this.type].toLowerCase()}`,
      source: this.text.source,
      ask: this.host.ask,
      onEdit: (edited) => this.host.edit(this.id, edited),
    });
    // Tab moves between cells, not editors: Enter goes into an editor, Escape out of it.
    this.editor.view.contentDOM.tabIndex = -1;
    this.place.replaceChildren(this.editor.view.dom);
    return this.editor;
  }

  private takeRun(run: CellRun): void {
    const { state, count, seconds, fault } = run;
    const began = this.run.state !== 'running' && (state === 'running' || count !== this.run.count);
    this.run = run;
    if (began) this.outputs.begin();
    if (state === 'idle') this.outputs.end();
    this.root.dataset.state = state;
    const sign = { idle: count === null ? ' ' : String(count), queued: '…', running: '*' }[state];
    this.count.textContent = `[${sign}]`;
    const ran = count === null ? 'not run' : `run as number ${count}`;
    const words = { idle: ran, queued: 'waits', running: 'runs' }[state];
    this.count.setAttribute('aria-label', words);
    this.count.title = seconds === undefined ? words : `${words}, took ${duration(seconds)}`;
    this.warning.hidden = !fault;
    this.warning.className = `warning ${fault ?? ''}`;
    this.warning.textContent = fault ? faultText(run) : '';
    if (fault !== 'stale') return;
    const renew = (): void => this.host.act(this.id, 'runNeeds');
    this.warning.append(
      ' ',
      button('Run what it needs', renew, { title: 'Run what this cell needs, and then the cell (n)' }),
    );
  }
}
