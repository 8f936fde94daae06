import type { Theme } from './theme.js';

type Json = Record<string, unknown>;

const font = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';
const colours = {
  light: { ink: '#3b4048', grid: '#e7e9ec', line: '#c3c8ce', hover: '#ffffff' },
  dark: { ink: '#c9ced6', grid: '#2b3038', line: '#4a515c', hover: '#20242b' },
};
/** Ten hues that keep apart on both grounds, also for most colour-blind readers. */
const colorway = [
  '#4269d0',
  '#e8a30c',
  '#e8604f',
  '#4fb0a5',
  '#3ca951',
  '#e07aa4',
  '#a463f2',
  '#7aa3e8',
  '#9c6b4e',
  '#8b919b',
];

const asObject = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {});

/** A template such as plotly's own, in the colours of the page. */
function template(theme: Theme): Json {
  const { ink, grid, line, hover } = colours[theme];
  const axis = {
    gridcolor: grid,
    linecolor: line,
    zerolinecolor: line,
    tickcolor: line,
    automargin: true,
    title: { standoff: 10 },
  };
  return {
    layout: {
      colorway,
      font: { family: font, size: 13, color: ink },
      xaxis: axis,
      yaxis: axis,
      hoverlabel: { bgcolor: hover, bordercolor: line, font: { family: font, color: ink } },
      legend: { bgcolor: 'rgba(0,0,0,0)' },
    },
  };
}

/**
 * The layout in which a figure is drawn: the page's fonts, inks and grounds in place of its own, no title (the caption
 * says it), the width of the column, and on a narrow page the legend below the plot.
 */
export function themedLayout(layout: Json, theme: Theme, width: number): Json {
  const own = asObject(asObject(layout.template).layout);
  const base = template(theme).layout as Json;
  const { title, width: _width, ...rest } = layout;
  const margin = asObject(rest.margin);
  const narrow = width < 560;
  const text = typeof title === 'string' ? title : asObject(title).text;
  return {
    ...rest,
    template: { ...asObject(layout.template), layout: { ...own, ...base, colorway: own.colorway ?? base.colorway } },
    autosize: true,
    height: typeof rest.height === 'number' ? rest.height : narrow ? 340 : 420,
    paper_bgcolor: 'rgba(0,0,0,0)',
    plot_bgcolor: 'rgba(0,0,0,0)',
    font: { ...asObject(rest.font), family: font, color: colours[theme].ink },
    margin: {
      l: 56,
      r: narrow ? 12 : 24,
      b: 48,
      ...(narrow
        ? { ...margin, l: Math.min(48, Number(margin.l ?? 48)), r: Math.min(12, Number(margin.r ?? 12)) }
        : margin),
      t: text ? 36 : ((margin.t as number | undefined) ?? 36),
    },
    ...(narrow && rest.showlegend !== false
      ? { legend: { ...asObject(rest.legend), orientation: 'h', x: 0, xanchor: 'left', y: -0.25, yanchor: 'top' } }
      : {}),
  };
}
