import { runCurves, runStyle, smoothed, type RunCurve } from '../../../plots/runCurves.js';
import { element, loadPlotly } from '../../live/browser/elements.js';
import { Figures } from '../../report/browser/figures.js';
import { figureNames, type ListedRun, type RunCurves } from '../protocol.js';

/** A run whose curves are shown. */
export interface ChosenRun {
  run: ListedRun;
  place: number;
  curves?: RunCurves;
}

const SMOOTHING = 0.8;
const smooth = (y: (number | null)[]): (number | null)[] => smoothed(y, SMOOTHING);
const inPercent = (y: (number | null)[]): (number | null)[] => y.map((value) => value && 100 * value);

const figures = {
  validation: { title: 'Validation accuracy', quantity: 'accuracy', unit: '% of images', of: inPercent },
  loss: { title: 'Training loss, smoothed', quantity: 'loss', unit: 'nats per image', of: smooth },
  sparsity: { title: 'Closed channels or zero weights', quantity: 'closed or zero', unit: '% of all', of: inPercent },
  speed: { title: 'Images per second, smoothed', quantity: 'images', unit: '1/s', of: smooth },
};

/** The curves of the chosen runs, in one figure per quantity, and the legend of all figures. */
export class CurvesView {
  private readonly figures = new Figures(loadPlotly);
  private readonly places = new Map<string, { root: HTMLElement; plot: HTMLElement; json: HTMLElement }>();
  private legend = '';

  constructor(
    private readonly root: HTMLElement,
    private readonly list: HTMLElement,
    private readonly drop: (id: string) => void,
  ) {
    for (const name of figureNames) {
      const plot = element('div', { class: 'plot', role: 'img' });
      const json = element('script', { type: 'application/json' });
      const caption = element('figcaption', {}, figures[name].title);
      this.places.set(name, {
        root: element('figure', { 'data-figure': name, hidden: true }, caption, plot, json),
        plot,
        json,
      });
    }
    root.append(...[...this.places.values()].map(({ root }) => root));
  }

  show(chosen: readonly ChosenRun[]): void {
    this.showLegend(chosen);
    for (const name of figureNames) {
      const { of, ...labels } = figures[name];
      const curves = chosen.flatMap(({ run, place, curves }): RunCurve[] => {
        const { x, y } = curves?.points[name] ?? { x: [], y: [] };
        return x.length === 0 ? [] : [{ name: run.name ?? run.id, x, y: of(y), style: place }];
      });
      this.draw(name, curves.length === 0 ? undefined : runCurves(curves, labels));
    }
    this.root.classList.toggle('none', chosen.length === 0);
  }

  /** Draws a figure; a figure without curves is hidden. */
  private draw(name: string, figure: ReturnType<typeof runCurves> | undefined): void {
    const { root, plot, json } = this.places.get(name)!;
    root.hidden = !figure;
    const text = JSON.stringify(figure ?? {});
    if (!figure || text === json.textContent) return;
    json.textContent = text;
    plot.setAttribute('aria-label', figure.layout.meta.alt);
    void this.figures.draw(plot);
  }

  private showLegend(chosen: readonly ChosenRun[]): void {
    const legend = JSON.stringify(
      chosen.map(({ run, place, curves }) => [run.id, run.name, run.state, place, curves?.fault]),
    );
    if (legend === this.legend) return;
    this.legend = legend;
    const items = chosen.map(({ run, place, curves }) => {
      const { id } = run;
      const name = run.name ?? id;
      const { color, dash } = runStyle(place);
      const line = element('span', { class: 'line', 'data-dash': dash });
      const close = element(
        'button',
        { type: 'button', 'aria-label': `Hide the curves of ${name}`, click: () => this.drop(id) },
        '×',
      );
      const fault = curves?.fault === undefined ? [] : [element('p', { class: 'fault' }, curves.fault)];
      const item = element('li', { title: id }, line, element('span', {}, name), close, ...fault);
      item.style.setProperty('--run', color);
      return item;
    });
    const none = element('li', { class: 'none' }, 'Choose runs in the table to see their curves.');
    this.list.replaceChildren(...(items.length > 0 ? items : [none]));
  }
}
