import { button, element } from './elements.js';
import type { CellView } from './cellView.js';
import { copyOfFigure, drawFigure, figureIn, forgetFigure, takeFigure, writeFigure, linesOf } from './figurePlace.js';

/** The greatest height of the figure in pixels, so that there is space for the cells below. */
const heightLeft = (): number => Math.max(240, Math.round(0.42 * innerHeight));

interface Source {
  cell: string;
  /** Which of the cell's figures. */
  nth: number;
}

/**
 * The figure beside the sliders: a copy of a figure below a cell, redrawn whenever that figure is. If none is pinned, a
 * run after a change pins one of the figures that it draws.
 */
export class PinnedView {
  private source: Source | undefined;
  private copy: HTMLElement | undefined;
  /**
   * The cells that a requested run is to update, one of whose figures is pinned; undefined without such a run, or once
   * the user has chosen.
   */
  private awaited: Set<string> | undefined;
  private declined = false;
  private busy = false;

  constructor(
    private readonly root: HTMLElement,
    private readonly cells: () => CellView[],
  ) {}

  /** Pins a figure, or unpins it if it is the pinned one. */
  toggle(cell: string, nth: number): void {
    const same = this.source?.cell === cell && this.source.nth === nth;
    this.awaited = undefined;
    this.declined = same;
    if (same) this.unpin();
    else this.pin({ cell, nth });
  }

  unpin(): void {
    this.source = undefined;
    this.clear();
    this.mark();
  }

  /** Whether the pinned figure belongs to a cell. */
  shows(cell: string): boolean {
    return this.source?.cell === cell;
  }

  /** Prepares for a run of what has changed: if nothing is pinned, one of its figures will be. */
  expect(): void {
    if (this.source || this.declined) return;
    const waiting = this.cells().filter(({ run }) => run.because);
    this.awaited = new Set(waiting.map(({ id }) => id));
  }

  /** Updates the pinned figure after cells have changed. */
  refresh(changed: Set<string>): void {
    if (this.source && !this.cells().some(({ id }) => id === this.source!.cell)) this.unpin();
    if (this.awaited) this.choose(this.awaited);
    const busy = this.cells().some(({ run }) => run.state !== 'idle');
    if (this.busy && !busy) this.awaited = undefined;
    this.busy = busy;
    if (this.source && changed.has(this.source.cell)) this.draw();
    this.mark();
  }

  /** Pins a figure of the cells that run and are awaited: one that moves if possible, else a curve, else the first. */
  private choose(awaited: Set<string>): void {
    const candidates = this.cells().flatMap(({ id, run, outputs }) =>
      outputs.figures.map((place, nth) => {
        const moves = outputs.redraws[nth] > 1;
        const runs = run.state !== 'idle' || outputs.redraws[nth] > 0;
        const concerned = awaited.size === 0 || awaited.has(id);
        const rank = runs && concerned ? (moves ? 3 : 1) + (linesOf(figureIn(place)!).length > 0 ? 1 : 0) : 0;
        return { source: { cell: id, nth }, moves, rank };
      }),
    );
    const best = Math.max(0, ...candidates.map(({ rank }) => rank));
    const first = candidates.find(({ rank }) => rank === best && rank > 0);
    if (!first) return;
    if (first.moves) this.awaited = undefined;
    if (this.source?.cell !== first.source.cell || this.source.nth !== first.source.nth) this.pin(first.source);
  }

  private pin(source: Source): void {
    this.clear();
    this.source = source;
    this.draw();
    this.mark();
  }

  private clear(): void {
    if (this.copy) forgetFigure(this.copy);
    this.copy = undefined;
    this.root.replaceChildren();
    this.root.hidden = true;
  }

  private draw(): void {
    const { cell, nth } = this.source!;
    const view = this.cells().find(({ id }) => id === cell);
    const place = view?.outputs.figures.at(nth);
    // When the cell begins to run, its figure is gone; the copy stays.
    if (!view || !place) return;
    if (!this.copy || !takeFigure(this.root, place)) {
      this.clear();
      this.copy = copyOfFigure(place);
      const reach = (): void => view.reach(view.outputs.figures.at(nth));
      const go = button('Go to it', reach, { title: 'Go to the cell of this figure' });
      const unpin = button('Unpin', () => this.toggle(cell, nth), { title: 'Take this figure away from here' });
      this.root.append(element('div', { class: 'row' }, go, unpin), this.copy);
      this.root.hidden = false;
    }
    const figure = figureIn(place)!;
    const { height } = figure.layout ?? {};
    const low = Math.min(heightLeft(), typeof height === 'number' ? height : Infinity);
    writeFigure(this.copy, { ...figure, layout: { ...figure.layout, height: low } });
    drawFigure(this.copy);
  }

  /**
   * Shows on each figure's button whether the figure is pinned, and marks the pinned figure if it is older than what it
   * was made from.
   */
  private mark(): void {
    for (const { id, run, outputs } of this.cells()) {
      if (this.shows(id)) this.root.classList.toggle('stale', run.fault === 'stale');
      for (const [nth, place] of outputs.figures.entries()) {
        const pinned = String(this.source?.cell === id && this.source.nth === nth);
        const pin = place.querySelector('.pin');
        if (!pin || pin.getAttribute('aria-pressed') === pinned) continue;
        pin.setAttribute('aria-pressed', pinned);
        pin.textContent = pinned === 'true' ? 'Unpin' : 'Pin';
      }
    }
  }
}
