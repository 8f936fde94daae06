import type * as Plotly from 'plotly.js-dist';
import { leastWidth, themedLayout } from './figureTheme.js';
import { currentTheme, onThemeChange, type Theme } from './theme.js';

interface Figure {
  element: HTMLElement;
  data: unknown[];
  layout: Record<string, unknown>;
}

/** Unpacks plotly.js from the page and runs it; the policy of the page admits exactly this script. */
async function unpackPlotly(): Promise<typeof Plotly> {
  const packed = atob(document.getElementById('plotly')!.textContent ?? '');
  const bytes = Uint8Array.from(packed, (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  const script = document.createElement('script');
  script.textContent = await new Response(stream).text();
  document.head.append(script);
  return (globalThis as unknown as { Plotly: typeof Plotly }).Plotly;
}

const config = { responsive: true, displaylogo: false, showSendToCloud: false, showEditInChartStudio: false } as const;

/** What fits on a sheet of A4 or Letter between the margins, in pixels. */
const sheet = 680;

async function draw(plotly: typeof Plotly, figure: Figure, theme: Theme, onPaper = false): Promise<void> {
  const { element, data } = figure;
  // Plotly writes into what it is given.
  const fresh = structuredClone({ data, layout: figure.layout });
  const least = leastWidth(fresh.layout);
  element.style.minWidth = least && !onPaper ? `${least}px` : '';
  const width = onPaper ? sheet : element.clientWidth;
  const layout = { ...themedLayout(data, fresh.layout, theme, width), ...(onPaper ? { width } : {}) };
  type Arguments = Parameters<typeof plotly.react>;
  await plotly.react(element, fresh.data as Arguments[1], layout, {
    ...config,
    modeBarButtonsToRemove: ['select2d', 'lasso2d', 'autoScale2d'],
  });
}

/** Draws all figures of the page, and again in other colours when the theme changes and for print. */
export async function drawFigures(): Promise<void> {
  const figures = [...document.querySelectorAll<HTMLElement>('.plot')].map((element): Figure => {
    const json = element.closest('figure')!.querySelector('script[type="application/json"]')!.textContent ?? '{}';
    return { element, ...(JSON.parse(json) as Omit<Figure, 'element'>) };
  });
  if (figures.length === 0) return;
  const plotly = await unpackPlotly();
  for (const figure of figures) {
    const still = [...figure.element.children];
    try {
      await draw(plotly, figure, currentTheme());
      for (const child of still) child.remove();
      figure.element.classList.add('drawn');
    } catch (error) {
      // What cannot be drawn keeps its still picture.
      console.warn('A figure could not be drawn', error);
    }
    // Between two figures the page stays responsive.
    await new Promise((resolve) => setTimeout(resolve));
  }
  document.documentElement.dataset.figures = 'drawn';
  const drawn = figures.filter(({ element }) => element.classList.contains('drawn'));
  const redraw = (theme: Theme, onPaper = false): void => {
    for (const figure of drawn) void draw(plotly, figure, theme, onPaper);
  };
  const again = (): void => redraw(currentTheme());
  onThemeChange((theme) => redraw(theme));
  // A phone that is turned.
  matchMedia('(max-width: 600px)').addEventListener('change', again);
  addEventListener('beforeprint', () => redraw('light', true));
  addEventListener('afterprint', again);
}
