import { shapeOf, type ImageSet, type ImageShape } from '../data/imageSet.js';
import { UserError } from '../errors.js';
import { figure, type Figure, hiddenAxis, list } from './theme.js';
import { encodePng, pngAddress } from './png.js';

/** The parts of an image set that the figure needs. */
export type LabelledImages = Omit<ImageSet, 'name' | 'labels'> & { name?: string; labels: ArrayLike<number> };

/**
 * The pixels of a small image are drawn as squares until its longer side has at least this many pixels, so that no
 * viewer blurs the image when enlarging it.
 */
const leastSide = 128;
/** The height of a row with image and caption, in column widths. */
const rowHeight = 1.15;

/**
 * `count` images of a set in a grid, class by class, each with the name of its class below it; by default one of each
 * class, at most 25. One channel is drawn as grey, three as colours, four with transparency; with two channels only the
 * first is drawn, with more than four the first three.
 *
 * @throws UserError when `images` and `labels` do not belong together.
 */
export function exampleImages(set: LabelledImages, options: { count?: number; columns?: number } = {}): Figure {
  const shape = shapeOf(set);
  const [height, width, channels] = shape;
  const bytes = height * width * channels;
  if (set.images.length !== set.labels.length * bytes) {
    throw new UserError(
      `An image set must have ${height} x ${width} x ${channels} = ${bytes} bytes an image; received ${set.images.length} bytes and ` +
        `${set.labels.length} labels.`,
    );
  }
  const chosen = choose(set, options.count);
  const captions = chosen.map((i) => set.classNames[set.labels[i]] ?? `class ${set.labels[i]}`);
  const columns = options.columns ?? Math.min(chosen.length, 5);
  const rows = Math.ceil(chosen.length / columns);
  const place = (n: number) => ({ x: n % columns, y: Math.floor(n / columns) });
  return figure({
    title: `Examples${set.name === undefined ? '' : ` of ${set.name}`}`,
    alt: `${chosen.length} images of ${height} x ${width} pixels, each with its caption: ${list(captions)}.`,
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
        source: pngAddress(enlarged(set.images.subarray(i * bytes, (i + 1) * bytes), shape)),
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
    // The height of the rows at the width of a report's column.
    height: Math.round(60 + (688 / columns) * rowHeight * rows),
  });
}

/** The first image of each class in turn, then the second of each, until there are `count`. */
function choose(set: LabelledImages, count = Math.min(25, set.classNames.length)): number[] {
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

function enlarged(image: Uint8Array, [height, width, channels]: ImageShape): Buffer {
  const zoom = Math.max(1, Math.ceil(leastSide / Math.max(height, width)));
  const shown = channels === 4 ? 4 : 3;
  const large = new Uint8Array(height * width * zoom * zoom * shown);
  for (let y = 0, to = 0; y < height * zoom; y++) {
    for (let x = 0; x < width * zoom; x++) {
      const from = (Math.floor(y / zoom) * width + Math.floor(x / zoom)) * channels;
      for (let k = 0; k < shown; k++) large[to++] = image[channels < 3 ? from : from + k];
    }
  }
  return encodePng(large, width * zoom, height * zoom, shown);
}
