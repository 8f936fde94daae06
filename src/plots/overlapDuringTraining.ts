import type { ReprRecord } from '../experiments/index.js';
import type { Figure } from './figure.js';
import { layerLabel } from './masks.js';
import { phaseBands } from './phaseBands.js';
import { axis, colour, dash, epochAxis, figure, note } from './theme.js';
import { list, number } from './words.js';

/** Mean orthogonality score of the filters that are on, over the epochs of several runs, a panel for each layer. */
export function overlapDuringTraining(
  records: readonly Pick<ReprRecord, 'run' | 'epochs'>[],
  options: { title?: string } = {},
): Figure {
  const layers = Object.keys(records.at(0)?.epochs.at(0)?.overlap ?? {});
  const names = [...new Set(records.map(({ run }) => run))];
  const epochs = records.at(0)?.epochs.map(({ epoch }) => epoch) ?? [];
  const cycle = records.find((record) => record.epochs.some(({ phase }) => phase === 'S2'));
  const suffix = (n: number): string => (n === 0 ? '' : String(n + 1));
  const width = (1 - 0.07 * (layers.length - 1)) / Math.max(1, layers.length);
  const left = (l: number): number => l * (width + 0.07);
  const ends = (run: string): string =>
    list(
      layers.map((layer) => {
        const last = records
          .filter((record) => record.run === run)
          .map(({ epochs: e }) => e.at(-1)?.overlap[layer] ?? NaN);
        return `${number(last.reduce((sum, value) => sum + value, 0) / last.length)} in ${layerLabel(layer)}`;
      }),
    );
  return figure({
    title: options.title ?? 'Overlap during training',
    alt: `Mean overlap of filters after the last epoch, ${names.map((run) => `${run}: ${ends(run)}`).join('; ')}.`,
    data: records.flatMap(({ run, epochs: own }, r) =>
      layers.map((layer, l) => ({
        type: 'scatter',
        mode: 'lines',
        name: run,
        legendgroup: run,
        showlegend: l === 0 && records.findIndex((record) => record.run === run) === r,
        xaxis: `x${suffix(l)}`,
        yaxis: `y${suffix(l)}`,
        x: own.map(({ epoch }) => epoch),
        y: own.map(({ overlap }) => overlap[layer]),
        line: { color: colour(names.indexOf(run)), dash: dash(names.indexOf(run)), width: 2 },
      })),
    ),
    layout: {
      ...Object.fromEntries(
        layers.flatMap((_, l) => [
          [
            `xaxis${suffix(l)}`,
            epochAxis(epochs, {
              domain: [left(l), left(l) + width],
              anchor: `y${suffix(l)}`,
              range: [0.5, epochs.length + 0.5],
            }),
          ],
          [
            `yaxis${suffix(l)}`,
            axis('overlap', 'mean score, 0 is orthogonal', {
              anchor: `x${suffix(l)}`,
              rangemode: 'tozero',
              ...(l > 0 ? { title: { text: '' }, matches: 'y', showticklabels: false } : {}),
            }),
          ],
        ]),
      ),
      shapes: phaseBands(
        cycle?.epochs ?? [],
        layers.map((_, l) => `x${suffix(l)}`),
      ),
      annotations: layers.map((layer, l) =>
        note(layerLabel(layer), left(l) + width / 2, 1.01, { yanchor: 'bottom', xanchor: 'center' }),
      ),
    },
    legendBelow: true,
    height: 400,
  });
}
