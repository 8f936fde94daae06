import { button, element, write } from '../../live/browser/elements.js';
import { ParametersView } from '../../live/browser/parametersView.js';
import { cellsNeededBy, cellsToRun } from '../../live/code/links.js';
import type { ParameterControl } from '../../live/protocol.js';
import type { Message } from '../../kernel/wire.js';
import { Latex } from '../../render/latex.js';
import { liveLimits } from '../../run/outputLimits.js';
import { NotebookOutputs } from '../../run/outputArea.js';
import type { PageNotebook } from '../protocol.js';
import { PageCellView } from './pageCell.js';
import { type Outcome, PageKernel } from './pageKernel.js';

/** A notebook that runs in its page: the panel of parameters, the cells, and the worker that runs them. */
export class PageSession {
  private readonly kernel = new PageKernel();
  private readonly views: PageCellView[];
  private readonly panel: ParametersView;
  private readonly status = element('div', { class: 'running', hidden: true });
  private readonly doing = element('span', { role: 'status' });
  private readonly runAll = button('Run', () => void this.run(), { class: 'primary' });
  private readonly showSaved = button('Show the saved ones again', () => this.showAllSaved(), { hidden: true });
  private readonly values: Record<string, unknown>;
  private readonly usual: Record<string, unknown>;
  /** Cells that have run successfully on the current worker. */
  private readonly onKernel = new Set<string>();
  /** Cells that a run planned and has not finished. */
  private readonly due = new Set<string>();
  /** Cells that turned out to need Node when they ran, why, and the values of the parameters then. */
  private readonly needsNode = new Map<string, { why: string; values: Record<string, unknown> }>();
  private readonly fault = element('p', { class: 'fault', role: 'alert' });
  private running = false;
  private stopped = false;

  constructor(
    private readonly notebook: PageNotebook,
    private readonly root: HTMLElement,
    here: string,
  ) {
    const outputs = new NotebookOutputs(liveLimits);
    const page = { latex: new Latex(() => notebook.texts), outputs, here, changed: () => this.look() };
    this.usual = Object.fromEntries(notebook.controls.map(({ name, value }) => [name, value]));
    this.values = { ...this.usual };
    this.views = notebook.cells.map((cell) => new PageCellView(cell, page));
    const host = {
      set: (name: string, value: unknown) => this.set({ [name]: value }),
      run: () => void this.run(),
      reset: () => this.set(this.usual),
      showBefore: (shown: boolean) => this.views.forEach((view) => view.showBefore(shown)),
    };
    this.panel = new ParametersView(root, host, 'Run');
    this.runAll.hidden = notebook.controls.length > 0;
    root.append(element('div', { class: 'row' }, this.runAll, this.showSaved));
    if (notebook.missingRuns.length > 0) root.append(element('p', { class: 'missing' }, missing(notebook.missingRuns)));
    root.append(this.fault);
    this.status.append(
      this.doing,
      button('Stop', () => this.stop()),
    );
    document.body.append(this.status);
    this.set({});
  }

  private set(values: Record<string, unknown>): void {
    Object.assign(this.values, values);
    this.panel.show(
      this.notebook.controls.map((control): ParameterControl => {
        const value = this.values[control.name] as ParameterControl['value'];
        return same(value, control.value) ? control : { ...control, value, default: control.value };
      }),
    );
    this.look();
  }

  /**
   * Runs the cells that are out of date after a change of parameters or a stopped run. If there are none, runs all
   * cells or, once some have run here, those that depend on a parameter.
   */
  private async run(): Promise<void> {
    if (this.running) return;
    const { cells } = this.notebook;
    const able = new Set(cells.filter(({ id }) => this.unable(id) === undefined).map(({ id }) => id));
    const stale = this.views.filter((view) => this.due.has(view.cell.id) || this.changedFor(view).length > 0);
    const dependent = cells.filter(({ parameters }) => parameters.length > 0);
    const usual = this.onKernel.size > 0 && dependent.length > 0 ? dependent : cells;
    const wanted = (stale.length > 0 ? stale.map(({ cell }) => cell) : usual).map(({ id }) => id);
    const isAble = (id: string): boolean => able.has(id);
    const plan = cellsToRun(cells, wanted.filter(isAble), (id) => this.isMade(id)).filter(isAble);
    for (const id of plan) this.due.add(id);
    this.running = true;
    this.stopped = false;
    this.fault.textContent =
      plan.length > 0 ? '' : 'None of the cells that are to run can run in a page; each says why.';
    const views = plan.map((id) => this.view(id));
    views.forEach((view) => view.queue());
    // Values that are set meanwhile are for the next run.
    const parameters = { ...this.values };
    try {
      for (const [index, view] of views.entries()) {
        if (this.stopped) break;
        if (this.unable(view.cell.id) === undefined)
          await this.runCell(view, parameters, `${index + 1} of ${views.length}`);
      }
    } finally {
      this.running = false;
      const hadFocus = this.status.contains(document.activeElement);
      this.status.hidden = true;
      const runs = [...this.root.querySelectorAll<HTMLElement>('button.primary')];
      if (hadFocus) runs.find((one) => one.checkVisibility())?.focus();
      views.filter(({ cell }) => this.due.has(cell.id)).forEach((view) => view.drop());
      this.look();
    }
  }

  private async runCell(view: PageCellView, parameters: Record<string, unknown>, howFar: string): Promise<void> {
    const { cell } = view;
    this.status.hidden = false;
    this.doing.textContent = `${howFar}: ${cell.title}`;
    view.begin();
    const outcome = await this.kernel.execute(cell.id, parameters, (message) => this.hear(view, message));
    const values = pick(parameters, cell.parameters);
    this.take(view, outcome, values);
    view.end(outcome, values, this.trainedBefore(view));
  }

  /** The runs that a cell, or a cell that it needs, loaded here instead of training them. */
  private trainedBefore({ cell, loaded }: PageCellView): string[] {
    const needed = cellsNeededBy(this.notebook.cells, cell.id).flatMap((id) => [...this.view(id).loaded]);
    return [...new Set([...needed, ...loaded])];
  }

  private take(view: PageCellView, outcome: Outcome, values: Record<string, unknown>): void {
    const { id, title } = view.cell;
    if (outcome.status === 'dead') this.onKernel.clear();
    if (outcome.status === 'ok') {
      this.onKernel.add(id);
      this.due.delete(id);
    } else if (outcome.status === 'error' && outcome.needs_node) {
      this.due.delete(id);
      this.needsNode.set(id, { why: outcome.evalue.replace(/: .*/s, ''), values });
    } else {
      this.stopped = true;
      if (!view.isOnPage) {
        this.fault.textContent = `“${title}”, which the page leaves out, ended in an error: ${outcome.ename}: ${outcome.evalue}`;
      }
    }
  }

  private stop(): void {
    this.stopped = true;
    void this.kernel.interrupt();
  }

  private hear(view: PageCellView, message: Message): void {
    view.hear(message);
    this.views.filter((other) => other !== view && other.isUpdatedBy(message)).forEach((other) => other.refreshSoon());
  }

  private showAllSaved(): void {
    for (const view of this.views) view.show(true);
  }

  /** Why a cell cannot run in the page: because it needs Node, or needs a cell that cannot run. */
  private unable(id: string): string | undefined {
    const own = this.unableItself(id);
    if (own !== undefined) return own;
    const missing = cellsNeededBy(this.notebook.cells, id).find((one) => this.unableItself(one) !== undefined);
    return missing && `it uses what “${this.view(missing).cell.title}” makes: ${this.unableItself(missing)}`;
  }

  private unableItself(id: string): string | undefined {
    const { cell } = this.view(id);
    const found = this.needsNode.get(id);
    return cell.unable ?? (found && same(found.values, pick(this.values, cell.parameters)) ? found.why : undefined);
  }

  /** Whether the worker holds what a cell makes with the current values of the parameters, whatever the page shows. */
  private isMade(id: string): boolean {
    const { cell, ranWith } = this.view(id);
    return this.onKernel.has(id) && same(ranWith, pick(this.values, cell.parameters));
  }

  /** The parameters whose values differ from those with which a cell's shown outputs were computed. */
  private changedFor({ cell, ranWith, showsSaved }: PageCellView): string[] {
    const then = showsSaved || !ranWith ? this.usual : ranWith;
    return cell.parameters.filter((name) => !same(this.values[name], then[name]));
  }

  /** Shows for each cell why its outputs may be wrong, and numbers the figures. */
  private look(): void {
    for (const view of this.views) {
      const { cell, showsSaved } = view;
      const unable = this.unable(cell.id);
      const changed = this.changedFor(view);
      if (unable !== undefined) {
        view.warn(`${unable}${view.showsOutputs ? '; what stands below is saved' : ''}.`, 'unable');
      } else if (!showsSaved && !this.running && this.due.has(cell.id)) view.warn('This did not run to its end.');
      else if (changed.length > 0) {
        view.warn(`${changed.join(', ')} changed since this was run: what stands below is older.`);
      } else view.warn(undefined);
    }
    this.showSaved.hidden = this.views.every(({ showsSaved }) => showsSaved);
    this.countFigures();
  }

  private countFigures(): void {
    let count = 0;
    for (const figure of document.querySelectorAll('main figure.figure')) {
      const number = figure.closest('[hidden]') ? undefined : ++count;
      if (number === undefined) figure.removeAttribute('id');
      else figure.id = `figure-${number}`;
      write(figure.querySelector('.figure-number')!, `Figure ${number ?? ''}`);
    }
  }

  private view(id: string): PageCellView {
    return this.views.find(({ cell }) => cell.id === id)!;
  }
}

const missing = (names: string[]): string =>
  `No saved runs in this page of: ${names.join('; ')}. It trains them itself, if a cell asks for them.`;

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

const pick = (values: Record<string, unknown>, names: string[]): Record<string, unknown> =>
  Object.fromEntries(names.map((name) => [name, values[name]]));
