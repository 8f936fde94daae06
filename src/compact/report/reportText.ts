import { textTable, type Cell } from '../../formats/text.js';
import type { CompactionReport, Sizes } from './compactionReport.js';
import type { Latency } from './latency.js';

const times = (dense: number, compact: number): string => (compact > 0 ? `${(dense / compact).toFixed(2)} x` : '');
const milliseconds = ({ median, p10, p90 }: Latency): string => {
  const [middle, low, high] = [median, p10, p90].map((ms) => ms.toFixed(ms < 10 ? 2 : 1));
  return `${middle} (${low}-${high})`;
};

function row(what: string, sizes: Omit<Sizes, 'masked'> & Partial<Sizes>): Record<string, Cell> {
  const shown = (n: number | undefined): string => n?.toLocaleString('en') ?? '';
  const { dense, masked, compact } = sizes;
  return {
    '': what,
    dense: shown(dense),
    masked: shown(masked),
    compact: shown(compact),
    smaller: times(dense, compact),
  };
}

/** A report as text: the sizes of the network, how long it takes, and how far the logits are apart. */
export function reportText(report: CompactionReport): string {
  const { network, parameters, multiplyAdds, bytes, latency, backend, difference } = report;
  const passes = latency.map(({ batchSize, dense, compact }): Record<string, Cell> => {
    const what = `${batchSize === 1 ? 'one image' : `${batchSize} images`}, ms`;
    const smaller = times(dense.median, compact.median);
    return { '': what, dense: milliseconds(dense), masked: '', compact: milliseconds(compact), smaller };
  });
  const rows = [
    row('parameters', parameters),
    row('multiply-adds per image', multiplyAdds),
    row('bytes', bytes),
    ...passes,
  ];
  // Counts and times share columns, so that the table takes them for words: set them to the right here.
  for (const column of ['dense', 'masked', 'compact', 'smaller']) {
    const width = Math.max(...rows.map((cells) => String(cells[column]).length));
    for (const cells of rows) cells[column] = String(cells[column]).padStart(width);
  }
  const timed =
    latency.length > 0 ? `Times: median (p10-p90) of ${latency[0].dense.runs} passes, backend ${backend}.\n` : '';
  const { absolute, relative, images } = difference;
  return (
    `${network}\n${textTable(rows)}${timed}` +
    `Largest difference of logits, masked against compact, on ${images} images: ` +
    `${absolute.toExponential(1)}, ${relative.toExponential(1)} of the largest logit.\n`
  );
}

/** The parameters and multiply-adds of every layer as text. */
export function layerTableText({ layers }: CompactionReport): string {
  return textTable(
    layers.map(({ layer, parameters, multiplyAdds }) => ({
      layer,
      parameters: parameters.dense,
      masked: parameters.masked,
      compact: parameters.compact,
      'multiply-adds': multiplyAdds.dense,
      'masked ': multiplyAdds.masked,
      'compact ': multiplyAdds.compact,
    })),
  );
}
