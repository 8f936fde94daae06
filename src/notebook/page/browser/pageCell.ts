import { button, element, write } from '../../live/browser/elements.js';
import { drawFigure } from '../../live/browser/figurePlace.js';
import { OutputsView } from '../../live/browser/outputsView.js';
import { inPage, shortened } from '../../render/outputPage.js';
import type { Latex } from '../../render/latex.js';
import { renderOutput } from '../../render/outputs.js';
import { type NotebookOutputs, OutputArea } from '../../run/outputArea.js';
import type { Message } from '../../kernel/wire.js';
import type { PageCell } from '../protocol.js';
import { runsIn } from '../runsIn.js';
import type { Outcome } from './pageKernel.js';

/** Milliseconds between two updates of a cell's outputs. */
const INTERVAL = 100;

/** A cell of a page that runs: its saved outputs or, once it has run here, those of this page. */
export class PageCellView {
  private readonly section: HTMLElement | null;
  private readonly saved: HTMLElement | null;
  private readonly outputs = new OutputsView();
  private readonly mark = element('p', { class: 'mark', hidden: true });
  private readonly words = element('span');
  private readonly other = button('', () => this.show(!this.showsSaved));
  private readonly note = element('p', { class: 'warning note', hidden: true });
  private area: OutputArea;
  private html: string[] = [];
  private waiting = 0;
  private since = 0;
  /** The note on its last run here. */
  private last = '';
  private timer = 0;
  /** Whether it shows the saved outputs, not those computed here. */
  showsSaved = true;
  /** The values of the parameters with which it last ran here, if it ended well. */
  ranWith: Record<string, unknown> | undefined;
  /** The names of runs that it loaded here. */
  readonly loaded = new Set<string>();

  /** `page.here` says where outputs of this page come from. */
  constructor(
    readonly cell: PageCell,
    private readonly page: { latex: Latex; outputs: NotebookOutputs; here: string; changed: () => void },
  ) {
    this.area = new OutputArea(page.outputs);
    this.section = document.getElementById(`cell-${cell.place}`);
    this.saved = this.section?.querySelector<HTMLElement>('.saved') ?? null;
    this.outputs.root.hidden = true;
    this.mark.append(this.words, ' ', this.other);
    if (this.saved) {
      this.saved.before(this.mark, this.note);
      this.saved.after(this.outputs.root);
    } else this.section?.append(this.mark, this.note, this.outputs.root);
  }

  /** Whether the page has a place for it. */
  get isOnPage(): boolean {
    return this.section !== null;
  }

  /** Shows why the outputs may be wrong, if there is a reason. */
  warn(text: string | undefined, kind: 'stale' | 'unable' = 'stale'): void {
    this.note.hidden = text === undefined || (kind === 'stale' && !this.showsOutputs);
    this.note.className = `warning note ${kind}`;
    write(this.note, text ?? '');
  }

  /** Shows the previous run's curves, pale, or hides them. */
  showBefore(shown: boolean): void {
    this.outputs.setBefore(shown);
  }

  queue(): void {
    this.say('waits to run in this page');
  }

  /** Cancels a run that has not begun. */
  drop(): void {
    this.say(this.last);
    this.mark.hidden = this.last === '' || !this.showsOutputs;
  }

  begin(): void {
    const shown = this.showsSaved ? this.saved : this.outputs.root;
    this.outputs.begin(shown ?? undefined);
    this.area.clear();
    this.area = new OutputArea(this.page.outputs);
    this.html = [];
    this.loaded.clear();
    this.outputs.patch({ length: 0, changed: {} });
    this.since = performance.now();
    this.show(false);
    this.tick();
    this.timer = window.setInterval(() => this.tick(), 1000);
  }

  hear(message: Message): void {
    this.area.add(message);
    for (const { name, loaded } of runsIn(message.content.metadata)) if (loaded) this.loaded.add(name);
    this.refreshSoon();
  }

  /** Whether a message of another cell changes what this one shows. */
  isUpdatedBy(message: Message): boolean {
    return this.area.isUpdatedBy(message);
  }

  refreshSoon(): void {
    this.waiting ||= window.setTimeout(() => this.refresh(), INTERVAL);
  }

  /** `before` names the runs that the cell shows or uses and that were trained before. */
  end(outcome: Outcome, parameters: Record<string, unknown>, before: string[]): void {
    clearInterval(this.timer);
    // A worker that is gone, or never started, cannot report the error itself.
    if (outcome.status !== 'ok' && !this.area.outputs().some((output) => output.output_type === 'error')) {
      this.area.addError(outcome);
    }
    this.refresh();
    this.outputs.end();
    const needsNode = outcome.status === 'error' && outcome.needs_node;
    this.ranWith = outcome.status === 'ok' ? parameters : undefined;
    const from = before.length > 0 ? `, from what was trained before: ${before.join('; ')}` : '';
    this.last = `${howItEnded(outcome)}in this page, ${this.page.here}, ${this.took}${from}`;
    this.say(this.last);
    // A cell that needs Node shows nothing here, so its saved outputs stay.
    this.show(needsNode);
    this.mark.hidden = needsNode || !this.showsOutputs;
  }

  /** Shows the saved outputs, or those of this page. */
  show(saved: boolean): void {
    this.showsSaved = saved;
    if (this.saved) this.saved.hidden = !saved;
    this.outputs.root.hidden = saved;
    this.section?.classList.toggle('here', !saved);
    this.other.textContent = saved ? 'Show those of this page' : 'Show the saved ones again';
    for (const place of saved ? (this.saved?.children ?? []) : []) drawFigure(place);
    this.page.changed();
  }

  get showsOutputs(): boolean {
    return this.showsSaved ? (this.saved?.childElementCount ?? 0) > 0 : this.html.length > 0;
  }

  private get took(): string {
    const seconds = Math.round((performance.now() - this.since) / 1000);
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  }

  private tick(): void {
    this.say(`runs in this page, ${this.page.here}, ${this.took}`);
  }

  private say(words: string): void {
    this.mark.hidden = false;
    this.words.textContent = words;
    this.other.hidden = this.html.length === 0;
  }

  /** Renders what has changed. */
  private refresh(): void {
    clearTimeout(this.waiting);
    this.waiting = 0;
    const page = { ...inPage, latex: this.page.latex };
    const html = this.area
      .outputs()
      .map((output, index) => String(renderOutput(shortened(output), page, `Output ${index + 1} of this cell`)));
    const changed = [...html.entries()].filter(([index, one]) => one !== this.html[index]);
    this.html = html;
    this.outputs.patch({ length: html.length, changed: Object.fromEntries(changed) });
    this.page.changed();
  }
}

function howItEnded(outcome: Outcome): string {
  if (outcome.status === 'ok') return '';
  return outcome.ename === 'Interrupted' ? 'stopped ' : 'ended in an error ';
}
