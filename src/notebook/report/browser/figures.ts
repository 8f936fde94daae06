import { leastWidth, themedLayout } from './figureTheme.js';
import { currentTheme, onThemeChange, type Theme } from './theme.js';

interface Figure {
  data: unknown[];
  layout: Record<string, unknown>;
  /** The states of an animation, which the figure's own buttons play. */
  frames?: unknown[];
  config?: Record<string, unknown>;
}

/** The part of plotly that draws in a page. */
export interface Plotly {
  react(place: HTMLElement, figure: Figure): Promise<unknown>;
  purge(place: HTMLElement): void;
}

const config = {
  responsive: true,
  displaylogo: false,
  showSendToCloud: false,
  showEditInChartStudio: false,
  modeBarButtonsToRemove: ['select2d', 'lasso2d', 'autoScale2d'],
};

/** What a figure itself may ask for; other settings would add buttons, or ask other servers. */
const asked = ['staticPlot', 'scrollZoom', 'displayModeBar', 'doubleClick'];

const askedOf = (own: Record<string, unknown> = {}): Record<string, unknown> =>
  Object.fromEntries(asked.filter((name) => Object.hasOwn(own, name)).map((name) => [name, own[name]]));

/** What fits on a sheet of A4 or Letter between the margins, in pixels. */
const sheet = 680;

/** The figures of a page: draws them by plotly, and again in other colours when the theme changes and for print. */
export class Figures {
  private readonly drawn = new Map<HTMLElement, Figure>();
  private plotly: Promise<Plotly> | undefined;

  /** `load` brings plotly.js, when there is the first figure to draw. */
  constructor(private readonly load: () => Promise<Plotly>) {
    const again = (): void => this.redraw(currentTheme());
    onThemeChange((theme) => this.redraw(theme));
    // A phone that is turned.
    matchMedia('(max-width: 600px)').addEventListener('change', again);
    addEventListener('beforeprint', () => this.redraw('light', true));
    addEventListener('afterprint', again);
  }

  /** Draws what the JSON beside a figure's place (`.plot`) says; what cannot be drawn keeps its still picture or text, and a note says why. */
  async draw(place: HTMLElement): Promise<void> {
    const frame = place.closest('figure')!;
    const json = frame.querySelector('script[type="application/json"]')!.textContent ?? '{}';
    const plotly = await (this.plotly ??= this.load());
    if (!place.isConnected) return;
    const still = this.drawn.has(place) ? [] : [...place.children];
    frame.querySelector(':scope > .unshown')?.remove();
    try {
      const figure = JSON.parse(json) as Figure;
      await paint(plotly, place, figure, currentTheme());
      for (const child of still) child.remove();
      place.classList.add('drawn');
      this.drawn.set(place, figure);
    } catch (error) {
      const note = document.createElement('p');
      note.className = 'unshown';
      note.textContent = `This figure cannot be drawn: ${error instanceof Error ? error.message : String(error)}`;
      frame.append(note);
    }
  }

  /** Gives back what plotly holds for the figures in an element that leaves the page. */
  forget(element: Element): void {
    for (const place of this.drawn.keys()) {
      if (!element.contains(place)) continue;
      this.drawn.delete(place);
      void this.plotly?.then((plotly) => plotly.purge(place));
    }
  }

  private redraw(theme: Theme, onPaper = false): void {
    if (this.drawn.size === 0) return;
    void this.plotly?.then((plotly) => {
      for (const [place, figure] of this.drawn) void paint(plotly, place, figure, theme, onPaper);
    });
  }
}

async function paint(plotly: Plotly, place: HTMLElement, figure: Figure, theme: Theme, onPaper = false): Promise<void> {
  // Plotly writes into what it is given.
  const { data, layout, frames = [], config: own } = structuredClone(figure);
  const least = leastWidth(layout);
  place.style.minWidth = least && !onPaper ? `${least}px` : '';
  const width = onPaper ? sheet : place.clientWidth;
  const themed = { ...(onPaper ? { width } : {}), ...themedLayout(data, layout, theme, width) };
  await plotly.react(place, { data, layout: themed, frames, config: { ...config, ...askedOf(own) } });
}
