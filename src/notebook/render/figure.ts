import { UserError } from '../../errors.js';
import { isObject } from '../../formats/json.js';
import { type Output } from '../run/notebook.js';
import { type Html, joinedHtml, jsonForScript, markup, textIn } from './markup.js';
import type { OutputPage } from './outputPage.js';

/** The MIME type of plotly figures. */
export const plotlyMime = 'application/vnd.plotly.v1+json';

/** An output that holds one thing in several types. */
export type Display = Extract<Output, { data: unknown }>;

type Json = Record<string, unknown>;

interface PlotlyFigure {
  data: Json[];
  layout: Json;
  frames?: Json[];
  config?: Json;
}

const asObject = (value: unknown): Json => (isObject(value) ? value : {});

const isList = (value: unknown): value is Json[] => Array.isArray(value) && value.every(isObject);

function readFigure(value: unknown): PlotlyFigure {
  const { data = [], layout, frames, config } = asObject(value);
  if (!isObject(value)) throw new UserError('its figure is not an object');
  if (!isList(data)) throw new UserError("its figure has 'data' that is not a list of traces");
  if (layout !== undefined && layout !== null && !isObject(layout)) {
    throw new UserError("its figure has a 'layout' that is not an object");
  }
  if (frames !== undefined && frames !== null && !isList(frames)) {
    throw new UserError("its figure has 'frames' that are not a list of objects");
  }
  return {
    data,
    layout: asObject(layout),
    ...(frames?.length ? { frames } : {}),
    ...(isObject(config) ? { config } : {}),
  };
}

/** The maps that a figure is drawn on, by plotly's names for them. */
function mapsOf({ data, layout }: PlotlyFigure): string[] {
  const drawn = data.filter(({ type }) => type === 'choropleth' || type === 'scattergeo');
  return drawn.map(({ geo }) => {
    const { scope = 'world', resolution = 110 } = asObject(layout[typeof geo === 'string' ? geo : 'geo']);
    return `${String(scope).replace(/ /g, '-')}_${String(resolution)}m`;
  });
}

function traceTypes({ data, frames = [] }: PlotlyFigure): string[] {
  const drawn = [...data, ...frames.flatMap((frame) => (isList(frame.data) ? frame.data : []))];
  return drawn.map(({ type = 'scatter' }) => String(type));
}

function titleText(title: unknown): string {
  const text = typeof title === 'string' ? title : asObject(title).text;
  return typeof text === 'string' ? text : '';
}

const stripTags = (html: string): string =>
  html
    .replace(/<[^<>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();

/** Describes a figure for people who cannot see it: by `layout.meta.alt`, its title, its text form, or its traces. */
function figureAlt({ data, layout }: PlotlyFigure, text: string): string {
  const { alt } = asObject(layout.meta);
  if (typeof alt === 'string' && alt) return alt;
  const title = stripTags(titleText(layout.title));
  if (title) return title;
  if (text.trim()) return text.trim();
  const names = data.map(({ name }) => name).filter((name) => typeof name === 'string');
  return names.length ? `Plot of ${names.join(', ')}` : 'Plot';
}

/** Copies plotly JSON without images from elsewhere: drawing them would send requests. */
function withoutRemoteImages(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutRemoteImages);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(
    ([key, entry]) => key !== 'source' || typeof entry !== 'string' || /^data:image\//i.test(entry),
  );
  return Object.fromEntries(kept.map(([key, entry]) => [key, withoutRemoteImages(entry)]));
}

/**
 * Returns a style attribute with the size of an image in pixels if its output's metadata give one; the image still
 * shrinks to the space that it has.
 */
export function sizeOf(metadata: unknown, type: string): Html | undefined {
  const [width, height] = ['width', 'height'].map((name) => Number(asObject(asObject(metadata)[type])[name]));
  const styles = [
    width > 0 && `width: ${width}px`,
    height > 0 && (width > 0 ? `aspect-ratio: ${width} / ${height}` : `height: ${height}px`),
  ];
  const style = styles.filter(Boolean).join('; ');
  return style === '' ? undefined : markup` style="${style}"`;
}

/** Wraps content in a figure with its caption, and with the next number unless the page numbers figures itself. */
export function frameFigure(page: OutputPage, content: Html, caption?: Html): Html {
  const number = page.figures === undefined ? undefined : ++page.figures;
  const id = number && markup` id="figure-${number}"`;
  const count = markup`<span class="figure-number">${number && `Figure ${number}`}</span>`;
  const words = caption && markup` ${caption}`;
  return markup`<figure class="figure"${id}><figcaption>${count}${words}</figcaption>${content}</figure>`;
}

/**
 * Renders a plotly bundle: the figure's JSON for the page's script to draw, and until then (or where scripts do not
 * run) the bundle's PNG, or its text if there is no PNG or the page wants no images. The title moves from the plot to
 * the caption, which wraps and can be selected. Throws a UserError if the JSON is not a figure.
 */
export function renderFigure({ data, metadata }: Display, page: OutputPage): Html {
  const figure = readFigure(data[plotlyMime]);
  for (const map of mapsOf(figure)) page.maps?.add(map);
  for (const type of traceTypes(figure)) page.traces?.add(type);
  const text = textIn(data, 'text/plain');
  const { title } = figure.layout;
  const [main, sub] = [titleText(title), titleText(asObject(title).subtitle)];
  const caption = joinedHtml(
    [
      main && markup`<strong>${page.foreignHtml(main)}</strong>`,
      sub && markup`<span class="subtitle">${page.foreignHtml(sub)}</span>`,
    ],
    ' ',
  );
  const png = page.figures !== undefined ? textIn(data, 'image/png').replace(/\s/g, '') : '';
  const still = /^[A-Za-z0-9+/=]+$/.test(png)
    ? markup`<img src="data:image/png;base64,${png}" alt=""${sizeOf(metadata, 'image/png')}>`
    : markup`<p class="still">${text || 'This figure is drawn by a script.'}</p>`;
  const place = markup`<div class="scroll"><div class="plot" role="img" aria-label="${figureAlt(figure, text)}">${still}</div></div>`;
  const json = markup`<script type="application/json">${jsonForScript(withoutRemoteImages(figure))}</script>`;
  return frameFigure(page, markup`${place}${json}`, main || sub ? caption : undefined);
}
