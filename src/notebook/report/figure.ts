import { escapeHtml, jsonForScript } from './escape.js';
import { textIn, type MimeBundle } from './mimeBundle.js';
import type { OutputPage } from './outputPage.js';

/** The MIME type under which plotly figures travel. */
export const plotlyMime = 'application/vnd.plotly.v1+json';

interface PlotlyFigure {
  data?: unknown[];
  layout?: Record<string, unknown>;
}

const asObject = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

/** The text of a plotly title, given as a string or as `{ text }`. */
function titleText(title: unknown): string {
  const text = typeof title === 'string' ? title : asObject(title).text;
  return typeof text === 'string' ? text : '';
}

const stripTags = (html: string): string =>
  html
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();

/** Says what a figure shows, for those who cannot see it: `layout.meta.alt`, its title, its text form, or its traces. */
export function figureAlt(figure: PlotlyFigure, text: string): string {
  const layout = asObject(figure.layout);
  const { alt } = asObject(layout.meta);
  if (typeof alt === 'string' && alt) return alt;
  const title = stripTags(titleText(layout.title));
  if (title) return title;
  if (text.trim()) return text.trim();
  const names = (figure.data ?? []).map((trace) => asObject(trace).name).filter((name) => typeof name === 'string');
  return names.length ? `Plot of ${names.join(', ')}` : 'Plot';
}

/** A copy of plotly JSON in which every picture from elsewhere is left out: drawing it would be a request. */
function withoutRemotePictures(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutRemotePictures);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(
    ([key, entry]) => key !== 'source' || typeof entry !== 'string' || /^data:image\//i.test(entry),
  );
  return Object.fromEntries(kept.map(([key, entry]) => [key, withoutRemotePictures(entry)]));
}

/** Frames a picture with its caption, and its number unless the page counts by itself; both parts are HTML. */
export function frameFigure(number: number | undefined, content: string, caption = ''): string {
  const [id, count] = number === undefined ? ['', ''] : [` id="figure-${number}"`, `Figure ${number}`];
  const text = `<span class="figure-number">${count}</span>${caption ? ` ${caption}` : ''}`;
  return `<figure class="figure"${id}><figcaption>${text}</figcaption>${content}</figure>`;
}

/**
 * Renders a plotly bundle: the figure's JSON for the page's script to draw, and until then (or where scripts do not run)
 * the bundle's PNG, or its text where there is none or the page wants no pictures. The title leaves the plot and becomes the
 * caption, which wraps and can be selected.
 */
export function renderFigure(bundle: MimeBundle, number: number | undefined, page: OutputPage): string {
  const figure = asObject(bundle[plotlyMime]) as PlotlyFigure;
  const text = textIn(bundle, 'text/plain');
  const alt = escapeHtml(figureAlt(figure, text));
  const title = asObject(figure.layout).title;
  const subtitle = titleText(asObject(title).subtitle);
  const caption = [
    titleText(title) && `<strong>${page.foreignHtml(titleText(title))}</strong>`,
    subtitle && `<span class="subtitle">${page.foreignHtml(subtitle)}</span>`,
  ];
  const png = page.figures !== undefined ? textIn(bundle, 'image/png').replace(/\s/g, '') : '';
  const still = /^[A-Za-z0-9+/=]+$/.test(png)
    ? `<img src="data:image/png;base64,${png}" alt="">`
    : `<p class="still">${escapeHtml(text || 'This figure is drawn by a script.')}</p>`;
  const { data, layout } = withoutRemotePictures({ data: figure.data ?? [], layout: figure.layout ?? {} }) as object & {
    data: unknown;
    layout: unknown;
  };
  const content =
    `<div class="scroll"><div class="plot" role="img" aria-label="${alt}">${still}</div></div>` +
    `<script type="application/json">${jsonForScript({ data, layout })}</script>`;
  return frameFigure(number, content, caption.filter(Boolean).join(' '));
}
