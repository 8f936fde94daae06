import { keepLabelsApart } from './labels.js';
import { type Commands, showSliders, withoutSliders } from './sliders.js';
import { currentTheme, onThemeChange, type Theme } from './theme.js';

type Json = Record<string, unknown>;

const family = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';
const colours = {
  light: { ink: '#3b4048', grid: '#e7e9ec', line: '#c3c8ce', hover: '#ffffff', flow: 'rgba(90,97,107,0.35)' },
  dark: { ink: '#c9ced6', grid: '#2b3038', line: '#4a515c', hover: '#20242b', flow: 'rgba(201,206,214,0.35)' },
};
const clear = 'rgba(0,0,0,0)';
/** Ten colours that are easy to tell apart on both backgrounds, also for most colour-blind readers. */
const colorway = '#4269d0 #e8a30c #e8604f #4fb0a5 #3ca951 #e07aa4 #a463f2 #7aa3e8 #9c6b4e #8b919b'.split(' ');

const phone = 560;

export const asObject = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {});

/**
 * The width in pixels that a figure needs to be readable: `layout.meta.leastWidth` if the figure gives it. Otherwise
 * several panels side by side, or a drawing without axes whose texts were placed by hand, cannot shrink to a phone's
 * width.
 */
function leastWidth(layout: Json): number {
  const { leastWidth: own } = asObject(layout.meta);
  if (typeof own === 'number') return own;
  const axes = Object.entries(layout).filter(([key]) => /^xaxis\d*$/.test(key));
  const columns = axes.filter(([, axis]) => {
    const { domain } = asObject(axis);
    const [start, end] = Array.isArray(domain) ? domain.map(Number) : [0, 1];
    return end - start < 0.9;
  });
  const drawing = axes.length > 0 && axes.every(([, axis]) => asObject(axis).visible === false);
  return columns.length > 1 || drawing ? phone : 0;
}

/** A template like plotly's own, in the page's colours. */
function template(theme: Theme, size: number): Json {
  const { ink, grid, line, hover } = colours[theme];
  const lines = { gridcolor: grid, linecolor: line, zerolinecolor: line, tickcolor: line };
  const axis = { ...lines, automargin: true, title: { standoff: 10, font: { size } } };
  const borders = { landcolor: grid, lakecolor: hover, framecolor: line, coastlinecolor: line };
  return {
    colorway,
    xaxis: axis,
    yaxis: axis,
    polar: { bgcolor: clear, angularaxis: lines, radialaxis: lines },
    ternary: { bgcolor: clear, aaxis: lines, baxis: lines, caxis: lines },
    scene: { xaxis: lines, yaxis: lines, zaxis: lines },
    geo: { ...borders, bgcolor: clear, countrycolor: line, subunitcolor: line },
    hoverlabel: { bgcolor: hover, bordercolor: line, font: { family, color: ink } },
    legend: { bgcolor: clear },
  };
}

/** The template's defaults for traces that have their own background. */
function opaque(theme: Theme): Json {
  const { grid, line } = colours[theme];
  const header = { fill: { color: grid }, line: { color: line } };
  return {
    table: [{ header, cells: { fill: { color: clear }, line: { color: line } } }],
    parcoords: [{ line: { color: colorway[0] } }],
  };
}

/** The layout on a phone: the traces' names are in rows below the plot, which grows by their height. */
function phoneLayout(data: unknown[], layout: Json): Json {
  const margin = asObject(layout.margin);
  const height = typeof layout.height === 'number' ? layout.height : 340;
  const names = data.map(asObject).filter((trace) => trace.name !== undefined && trace.showlegend !== false);
  const legend = layout.showlegend !== false && (names.length > 1 || layout.showlegend === true);
  const place = { orientation: 'h', xref: 'container', x: 0, yref: 'container', y: 0, yanchor: 'bottom' };
  return {
    margin: { ...margin, l: Math.min(48, Number(margin.l ?? 48)), r: Math.min(12, Number(margin.r ?? 12)) },
    height: height + (legend ? 20 * Math.ceil(names.length / 2) : 0),
    ...(legend ? { legend: { ...asObject(layout.legend), ...place } } : {}),
  };
}

/** The background that a figure asks for; undefined for none, transparent or white, which mean the page's. */
function ownGround({ paper_bgcolor: ground }: Json): string | undefined {
  const plain = typeof ground !== 'string' || /^(transparent|rgba\(.*,\s*0\)|white|#fff|#ffffff)$/i.test(ground);
  return plain ? undefined : ground;
}

/**
 * The layout in which a figure is drawn: with the page's font and colours, the page's background unless the figure asks
 * for one, no title (the caption has it), and the size that the figure asks for, or else the width of its place.
 */
function themedLayout(data: unknown[], layout: Json, theme: Theme, width: number): Json {
  const own = asObject(asObject(layout.template).layout);
  const { title, width: wide, ...kept } = layout;
  const narrow = width < phone;
  const font = asObject(layout.font);
  const size = (typeof font.size === 'number' ? font.size : 13) * (narrow ? 11 / 13 : 1);
  const ground = ownGround(layout);
  // A figure with its own background has the colours that go with it, whatever the page's theme.
  const look = ground === undefined ? theme : 'light';
  const base = template(look, Math.min(size, 13));
  const traces = asObject(asObject(layout.template).data);
  const fitted: Json = { height: 420, ...kept, ...(narrow ? phoneLayout(data, kept) : {}) };
  const margin: Json = { l: 56, r: 24, b: 48, t: 36, ...asObject(fitted.margin) };
  const text = typeof title === 'string' ? title : asObject(title).text;
  return {
    ...fitted,
    template: {
      layout: { ...own, ...base, colorway: own.colorway ?? colorway },
      // Without these, plotly takes a transparent background for black or paints its own.
      data: { sankey: [{ link: { color: colours[look].flow } }], ...traces, ...opaque(look) },
    },
    autosize: true,
    ...(typeof wide === 'number' ? { width: Math.min(wide, width) } : {}),
    paper_bgcolor: ground ?? clear,
    plot_bgcolor: ground === undefined ? clear : (kept.plot_bgcolor ?? clear),
    font: { ...font, family, size, color: colours[look].ink },
    // The space above was for the title; what is left is for the names of panels and plotly's buttons.
    margin: text ? { ...margin, t: 36 } : margin,
  };
}

interface Figure {
  data: unknown[];
  layout: Json;
  frames?: unknown[];
  config?: Json;
}

export interface Plotly extends Commands {
  react(place: HTMLElement, figure: Figure): Promise<unknown>;
  purge(place: HTMLElement): void;
}

const config = {
  responsive: true,
  displaylogo: false,
  // The address of a live page's maps; a report contains the maps that it needs.
  topojsonURL: '/assets/maps/',
  showSendToCloud: false,
  showEditInChartStudio: false,
  modeBarButtonsToRemove: ['select2d', 'lasso2d', 'autoScale2d'],
};

/** The settings that a figure may choose; others would add buttons, or ask other servers. */
const settings = ['staticPlot', 'scrollZoom', 'displayModeBar', 'doubleClick'];

const askedOf = (own: Json = {}): Json =>
  Object.fromEntries(settings.filter((name) => Object.hasOwn(own, name)).map((name) => [name, own[name]]));

/**
 * The size that fits on a sheet of A4 or Letter between the margins, in pixels: its width, and less than half its
 * height, so that no page is left half empty.
 */
const sheet = { width: 680, height: 430 };

/** Whether plotly would ask a server for the map that a trace is drawn on, or for its regions. */
const isElsewhere = ({ type, geojson }: Json): boolean =>
  /(scatter|choropleth|density)map(box)?$/.test(String(type)) || typeof geojson === 'string';

/** The figures of a page: draws them with plotly, and again in other colours when the theme changes and for print. */
export class Figures {
  private readonly drawn = new Map<HTMLElement, Figure>();
  private plotly: Promise<Plotly> | undefined;

  /** `load` loads plotly.js; it is called for the first figure. */
  constructor(private readonly load: () => Promise<Plotly>) {
    const again = (): void => this.redraw(currentTheme());
    onThemeChange((theme) => this.redraw(theme));
    // When a phone is turned.
    matchMedia('(max-width: 600px)').addEventListener('change', again);
    addEventListener('beforeprint', () => this.redraw('light', true));
    addEventListener('afterprint', again);
  }

  /**
   * Draws the figure whose JSON is beside its place (`.plot`); a figure that cannot be drawn keeps its still image or
   * text, and a note says why.
   */
  async draw(place: HTMLElement): Promise<void> {
    const frame = place.closest('figure')!;
    const json = frame.querySelector('script[type="application/json"]')!.textContent ?? '{}';
    try {
      const plotly = await (this.plotly ??= this.begin());
      if (!place.isConnected) return;
      frame.querySelector(':scope > .unshown')?.remove();
      const still = this.drawn.has(place) ? [] : [...place.children];
      const figure = JSON.parse(json) as Figure;
      if (figure.data.map(asObject).some(isElsewhere))
        throw new Error('its map is on a server, and this page loads nothing from one');
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

  private begin(): Promise<Plotly> {
    const maps = [...document.querySelectorAll<HTMLElement>('script[data-map]')];
    const topojson = Object.fromEntries(
      maps.map((map) => [map.dataset.map!, JSON.parse(map.textContent ?? '') as Json]),
    );
    Object.assign(globalThis, { PlotlyGeoAssets: { topojson } });
    return this.load();
  }

  /** Frees what plotly holds for the figures in an element that leaves the page. */
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
  // Plotly modifies its arguments.
  const { data, layout: asked, frames = [], config: own } = structuredClone(figure);
  const layout = withoutSliders(asked);
  const least = leastWidth(layout);
  place.style.minWidth = least && !onPaper ? `${least}px` : '';
  const height = typeof layout.height === 'number' ? layout.height : 420;
  const scale = onPaper ? Math.max(0.6, Math.min(1, sheet.height / height)) : 1;
  place.style.zoom = onPaper ? String(scale) : '';
  const width = onPaper ? Math.round(sheet.width / scale) : place.clientWidth;
  const themed: Json = { ...(onPaper ? { width } : {}), ...themedLayout(data, layout, theme, width) };
  // When the window is resized, plotly uses the height of the place, which would otherwise depend on its content.
  place.style.height = `${String(themed.height)}px`;
  await plotly.react(place, { data, layout: themed, frames, config: { ...config, ...askedOf(own) } });
  refuseUnknown(plotly, place, data);
  await showSliders(plotly, place, figure.layout);
  keepLabelsApart(place);
}

/** Throws if plotly has replaced traces of a type that it does not know by another type, and drawn empty axes. */
function refuseUnknown(plotly: Plotly, place: HTMLElement, data: unknown[]): void {
  const { _fullData: drawn = [] } = place as HTMLElement & { _fullData?: { type: string }[] };
  const unknown = data
    .map((trace) => asObject(trace).type)
    .find((type, index): type is string => typeof type === 'string' && drawn.at(index)?.type !== type);
  if (unknown === undefined) return;
  plotly.purge(place);
  place.removeAttribute('style');
  throw new Error(`plotly has no traces of the type '${unknown}'`);
}
