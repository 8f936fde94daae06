import { UserError } from '../errors.js';
import { type Figure, figure, hiddenAxis, list } from './theme.js';
import { encodePng, pngAddress } from './png.js';

/** What the figure needs of an image set: `images` is [N, 32, 32, 3], bytes; `labels` is [N]. */
export interface LabelledImages {
  name?: string;
  images: Uint8Array;
  labels: ArrayLike<number>;
  classNames: readonly string[];
}

/** What `exampleImages` draws. */
export interface ExampleImagesOptions {
  /** How many images; default one of each class, the first in the set. */
  count?: number;
  columns?: number;
  /** A caption for image i of the set; default the name of its class. */
  caption?: (i: number) => string;
  title?: string;
}

const side = 32;
const pixels = side * side * 3;
/** Each pixel becomes a square of this many, so that no viewer blurs the image when it enlarges it. */
const zoom = 4;
/** A row, picture and caption, in widths of a column. */
const rowHeight = 1.15;

/**
 * Images of a set in a grid, each with a caption.
 *
 * @throws UserError when `images` and `labels` do not belong together.
 */
export function exampleImages(set: LabelledImages, options: ExampleImagesOptions = {}): Figure {
  if (set.images.length !== set.labels.length * pixels) {
    throw new UserError(
      `an image set holds 32 x 32 x 3 = ${pixels} bytes an image: ${set.labels.length} labels came with ` +
        `${set.images.length} bytes, expected ${set.labels.length * pixels}`,
    );
  }
  const chosen = choose(set, options.count);
  const captionOf = options.caption ?? ((i: number) => set.classNames[set.labels[i]] ?? `class ${set.labels[i]}`);
  const captions = chosen.map(captionOf);
  const columns = options.columns ?? Math.min(chosen.length, 5);
  const rows = Math.ceil(chosen.length / columns);
  const place = (n: number) => ({ x: n % columns, y: Math.floor(n / columns) });
  const title = options.title ?? `Examples${set.name === undefined ? '' : ` of ${set.name}`}`;
  return figure({
    title,
    alt: `${chosen.length} images of 32 x 32 pixels, each with its caption: ${list(captions)}.`,
    data: [
      {
        type: 'scatter',
        mode: 'text',
        x: chosen.map((_, n) => place(n).x + 0.5),
        y: chosen.map((_, n) => place(n).y + 0.93),
        text: captions,
        cliponaxis: false,
        hoverinfo: 'skip',
        showlegend: false,
      },
    ],
    layout: {
      xaxis: hiddenAxis([0, columns], { constrain: 'domain' }),
      yaxis: hiddenAxis([rows, 0], { scaleanchor: 'x', scaleratio: rowHeight, constrain: 'domain' }),
      margin: { l: 16, r: 16, t: 48, b: 12 },
      images: chosen.map((i, n) => ({
        source: pngAddress(enlarged(set.images.subarray(i * pixels, (i + 1) * pixels))),
        xref: 'x',
        yref: 'y',
        x: place(n).x + 0.06,
        y: place(n).y + 0.06,
        sizex: 0.88,
        sizey: 0.78,
        sizing: 'contain',
        xanchor: 'left',
        yanchor: 'top',
        layer: 'above',
      })),
    },
    // As high as the rows are at the width of a report's column.
    height: Math.round(60 + (688 / columns) * rowHeight * rows),
  });
}

/** The first image of each class in turn, then the second of each, until there are `count`. */
function choose(set: LabelledImages, count = set.classNames.length): number[] {
  const byClass = set.classNames.map((_, label) => {
    const found: number[] = [];
    for (let i = 0; i < set.labels.length && found.length < count; i++) if (set.labels[i] === label) found.push(i);
    return found;
  });
  const turns = Math.max(0, ...byClass.map((found) => found.length));
  return Array.from({ length: turns }, (_, turn) => byClass.flatMap((found) => found.slice(turn, turn + 1)))
    .flat()
    .slice(0, count);
}

function enlarged(image: Uint8Array): Buffer {
  const size = side * zoom;
  const large = new Uint8Array(size * size * 3);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const from = (Math.floor(y / zoom) * side + Math.floor(x / zoom)) * 3;
      large.set(image.subarray(from, from + 3), (y * size + x) * 3);
    }
  }
  return encodePng(large, size, size, 3);
}
