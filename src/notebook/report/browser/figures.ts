import type * as Plotly from 'plotly.js-dist';
import { leastWidth, themedLayout } from './figureTheme.js';
import { currentTheme, onThemeChange, type Theme } from './theme.js';

interface Figure {
  data: unknown[];
  layout: Record<string, unknown>;
}

const config = { responsive: true, displaylogo: false, showSendToCloud: false, showEditInChartStudio: false } as const;

/** What fits on a sheet of A4 or Letter between the margins, in pixels. */
const sheet = 680;

/** The figures of a page: draws them by plotly, and again in other colours when the theme changes and for print. */
export class Figures {
  private readonly drawn = new Map<HTMLElement, Figure>();
  private plotly: Promise<typeof Plotly> | undefined;

  /** `load` brings plotly.js, when there is the first figure to draw. */
  constructor(private readonly load: () => Promise<typeof Plotly>) {
    const again = (): void => this.redraw(currentTheme());
    onThemeChange((theme) => this.redraw(theme));
    // A phone that is turned.
    matchMedia('(max-width: 600px)').addEventListener('change', again);
    addEventListener('beforeprint', () => this.redraw('light', true));
    addEventListener('afterprint', again);
  }

  /** Draws what the JSON beside a figure's place (`.plot`) says; what cannot be drawn keeps its still picture or text. */
  async draw(place: HTMLElement): Promise<void> {
    const json = place.closest('figure')!.querySelector('script[type="application/json"]')!.textContent ?? '{}';
    const figure = JSON.parse(json) as Figure;
    const plotly = await (this.plotly ??= this.load());
    if (!place.isConnected) return;
    const still = this.drawn.has(place) ? [] : [...place.children];
    try {
      await paint(plotly, place, figure, currentTheme());
      for (const child of still) child.remove();
      place.classList.add('drawn');
      this.drawn.set(place, figure);
    } catch (error) {
      console.warn('A figure could not be drawn', error);
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

async function paint(
  plotly: typeof Plotly,
  place: HTMLElement,
  figure: Figure,
  theme: Theme,
  onPaper = false,
): Promise<void> {
  // Plotly writes into what it is given.
  const { data, layout } = structuredClone(figure);
  const least = leastWidth(layout);
  place.style.minWidth = least && !onPaper ? `${least}px` : '';
  const width = onPaper ? sheet : place.clientWidth;
  const themed = { ...themedLayout(data, layout, theme, width), ...(onPaper ? { width } : {}) };
  await plotly.react(place, data as Parameters<typeof plotly.react>[1], themed, {
    ...config,
    modeBarButtonsToRemove: ['select2d', 'lasso2d', 'autoScale2d'],
  });
}
