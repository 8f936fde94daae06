import { axis, colour, curve, dash, figure, levelLine, list, number, percent, verticalMark } from './theme.js';
import type { Figure, Titled, Trace } from './theme.js';
import { named, type HistoryOf } from './repr.js';

/** The history of a version of the ISTA protocol, as far as its figures need it. */
export interface VersionHistory {
  log: readonly {
    step: number;
    groupLasso: number;
    fakeSparsity: number;
    /** By the layer to whose channels they belong. */
    gammas: Readonly<Record<string, readonly number[]>>;
  }[];
  /** Accuracy from 0 to 1. */
  epochs: readonly { step: number; validation: number }[];
}

/** A version with the number of steps made before it, so that one axis can hold several versions. */
interface PlacedVersion extends VersionHistory {
  run: string;
  from: number;
}

function oneAfterAnother(versions: readonly HistoryOf<VersionHistory>[]): PlacedVersion[] {
  let from = 0;
  return named(versions).map((version) => {
    const placed = { ...version, from };
    from += Math.max(0, ...[...version.log, ...version.epochs].map(({ step }) => step));
    return placed;
  });
}

/** A vertical line where each version begins, and its name beside the line, above the panels. */
function versionMarks(versions: readonly PlacedVersion[]): { shapes: object[]; annotations: object[] } {
  const marks = versions.map(({ from, run }) => verticalMark(from, run));
  return {
    shapes: marks.slice(1).map(({ shape }) => shape),
    annotations: marks.map(({ annotation }) => ({ ...annotation, xanchor: 'left', font: { size: 12 } })),
  };
}

/**
 * The course of the versions of the ISTA protocol, one after another: validation accuracy after each epoch, and at
 * every logged step the fake sparsity (cost-weighted share of zero gammas) and the group lasso (cost-weighted sum of
 * |gamma|).
 */
export function versionsOverSteps(versions: readonly HistoryOf<VersionHistory>[], options: Titled = {}): Figure {
  const placed = oneAfterAnother(versions);
  type Points = (version: VersionHistory) => [step: number, value: number][];
  const parts = (name: string, n: number, points: Points, more: object): Trace => {
    // Compaction leaves a gap between versions. Each panel's axis names its curve.
    const all = placed.flatMap((version) => [
      ...points(version).map(([step, value]) => [version.from + step, value]),
      [null, null],
    ]);
    const [x, y] = [0, 1].map((i) => all.map((point) => point[i]));
    return curve(name, x, y, { color: colour(n) }, { showlegend: false, ...more });
  };
  const said = placed.map(({ run: name, log, epochs }) => {
    const [entry, scores] = [log.at(-1), epochs.at(-1)];
    const accuracy = scores ? `, ${percent(scores.validation)} right on validation` : '';
    return entry
      ? `${name}: fake sparsity ${percent(entry.fakeSparsity)}, group lasso ${number(entry.groupLasso)}${accuracy}`
      : `${name}: nothing yet`;
  });
  return figure({
    title: options.title ?? 'The versions, step by step',
    alt: `Validation accuracy, fake sparsity and group lasso over the steps of ${versions.length} versions. At the end of ${list(said)}.`,
    data: [
      parts('validation accuracy', 2, ({ epochs }) => epochs.map((e) => [e.step, 100 * e.validation]), {
        mode: 'lines+markers',
      }),
      parts('fake sparsity', 1, ({ log }) => log.map((e) => [e.step, 100 * e.fakeSparsity]), { yaxis: 'y2' }),
      parts('group lasso', 0, ({ log }) => log.map((e) => [e.step, e.groupLasso]), { yaxis: 'y3' }),
    ],
    layout: {
      xaxis: axis('training', 'steps of all versions', { anchor: 'y3', rangemode: 'tozero' }),
      yaxis: axis('accuracy', '% of images', { domain: [0.7, 1] }),
      yaxis2: axis('fake sparsity', '%', { domain: [0.36, 0.64], rangemode: 'tozero' }),
      yaxis3: axis('group lasso', 'cost × γ', { domain: [0, 0.28], rangemode: 'tozero' }),
      ...versionMarks(placed),
    },
    height: 620,
  });
}

/** A layer's name without the part that all layers share: `stage1_block1_first_conv` becomes `stage1 block1 first`. */
const label = (layer: string): string => layer.replace(/_conv$/, '').replaceAll('_', ' ');

/**
 * Every gamma of the first, the middle and the last layer at every logged step, one line each, with the versions one
 * after another. A line that ends at the beginning of a version belongs to a channel that was cut out.
 */
export function gammasOverSteps(versions: readonly HistoryOf<VersionHistory>[], options: Titled = {}): Figure {
  const all = Object.keys(versions.at(0)?.history.log.at(0)?.gammas ?? {});
  const layers = [...new Set([0, Math.floor(all.length / 2), all.length - 1])].flatMap((i) => all[i] ?? []);
  const placed = oneAfterAnother(versions);

  /** All lines of a layer in one trace, with a gap after each: one trace per gamma would make hundreds. */
  const linesOf = (layer: string): { x: (number | null)[]; y: (number | null)[] } => {
    const [x, y]: (number | null)[][] = [[], []];
    for (const { from, log } of placed) {
      const count = log.at(0)?.gammas[layer]?.length ?? 0;
      for (let c = 0; c < count; c++) {
        x.push(...log.map(({ step }) => from + step), null);
        y.push(...log.map(({ gammas }) => Number(gammas[layer][c].toPrecision(3))), null);
      }
    }
    return { x, y };
  };
  const end = (layer: string): string => {
    const first = versions.at(0)?.history.log.at(0)?.gammas[layer]?.length ?? 0;
    const last = versions.at(-1)?.history.log.at(-1)?.gammas[layer] ?? [];
    return `${last.filter((gamma) => gamma !== 0).length} of ${first} in ${label(layer)}`;
  };
  return figure({
    title: options.title ?? 'Every gamma, step by step',
    alt: `Gammas during training; not 0 at the end are ${list(layers.map(end))}.`,
    data: layers.map((layer, n) => {
      const { x, y } = linesOf(layer);
      return curve(label(layer), x, y, { color: colour(n), width: 1 }, { hovertemplate: 'step %{x}: %{y}' });
    }),
    layout: {
      xaxis: axis('training', 'steps of all versions', { rangemode: 'tozero' }),
      yaxis: axis('γ', 'pure number'),
      ...versionMarks(placed),
    },
    legendBelow: true,
    height: 460,
  });
}

/** A short run with one penalty and one weight decay; shares are from 0 to 1. */
export interface PenaltyPoint {
  l1_penalty: number;
  weight_decay: number;
  fakeSparsity: number;
  /** Accuracy on the validation images. */
  validation: number;
}

/**
 * The results of runs of equal length by penalty, a line for each weight decay: above, the share of gammas that are 0;
 * below, the validation accuracy. A dotted line shows the accuracy from which all of them started.
 */
export function penaltySweep(
  points: readonly PenaltyPoint[],
  options: Titled & { start?: { validation: number } } = {},
): Figure {
  const decays = [...new Set(points.map(({ weight_decay }) => weight_decay))].sort((a, b) => a - b);
  const penalties = [...new Set(points.map(({ l1_penalty }) => l1_penalty))].sort((a, b) => a - b);
  const traces = decays.flatMap((decay, n): Trace[] => {
    const of = points.filter((p) => p.weight_decay === decay).sort((a, b) => a.l1_penalty - b.l1_penalty);
    // As text: penalties grow by factors, and one of them may be 0.
    const x = of.map((p) => String(p.l1_penalty));
    const line = (value: (point: PenaltyPoint) => number, more: object): Trace => {
      const look = { mode: 'lines+markers', marker: { size: 8 }, legendgroup: String(decay), ...more };
      return curve(`weight_decay ${decay}`, x, of.map(value), { color: colour(n), dash: dash(n) }, look);
    };
    return [line((p) => 100 * p.fakeSparsity, {}), line((p) => 100 * p.validation, { yaxis: 'y2', showlegend: false })];
  });
  const start = options.start && levelLine(100 * options.start.validation, { yref: 'y2' }, 'dot');
  const said = points.map(
    (p) =>
      `penalty ${number(p.l1_penalty)} with weight decay ${p.weight_decay} gives ${percent(p.fakeSparsity)} and ${percent(p.validation)}`,
  );
  return figure({
    title: options.title ?? 'Short runs at several penalties',
    alt: `Fake sparsity and validation accuracy of ${points.length} short runs: ${list(said)}.`,
    data: traces,
    layout: {
      xaxis: axis('l1_penalty', 'pure number', {
        type: 'category',
        categoryorder: 'array',
        categoryarray: penalties.map(String),
        anchor: 'y2',
      }),
      yaxis: axis('fake sparsity', '%', { domain: [0.55, 1], rangemode: 'tozero' }),
      yaxis2: axis('validation', '% of images', { domain: [0, 0.45] }),
      shapes: start ? [start] : [],
    },
    legendBelow: true,
    height: 520,
  });
}

const classes = 10;

/**
 * The size of a loss's gradient on the logit of the right class when the network gives that class the probability p and
 * one wrong class all the rest: 1 - p for cross-entropy of logits, and s p (1 - p) (1 - q_right + q_wrong) for
 * cross-entropy of s * softmax, where q is the softmax of s * softmax.
 */
export function pullOfLoss(p: number, scale?: number): number {
  if (scale === undefined) return 1 - p;
  const [right, wrong] = [Math.exp(scale * p), Math.exp(scale * (1 - p))];
  const all = right + wrong + classes - 2;
  return scale * p * (1 - p) * (1 - right / all + wrong / all);
}

/**
 * The gradient on the right logit over the right class's probability: for logits, and for a softmax inside the loss at
 * some scales.
 */
export function softmaxTwice(options: { scales?: readonly number[]; title?: string } = {}): Figure {
  const { scales = [1, 10] } = options;
  const x = Array.from({ length: 201 }, (_, i) => i / 200);
  const curves = [
    { name: 'logits', scale: undefined },
    ...scales.map((scale) => ({ name: scale === 1 ? 'softmax' : `softmax times ${number(scale)}`, scale })),
  ];
  const most = scales.map((scale) => number(Math.max(...x.map((p) => pullOfLoss(p, scale)))));
  return figure({
    title: options.title ?? 'How hard the loss pulls at the right logit',
    alt:
      'Size of the gradient on the right logit against the probability of the right class. Of logits it falls from 1 to 0 ' +
      `in a straight line; with softmax inside the loss it is 0 at both ends and at most ${most.join(' and ')} between, ` +
      `at the factor${scales.length > 1 ? 's' : ''} ${scales.map(number).join(' and ')}.`,
    data: curves.map(({ name, scale }, n) => {
      const pulls = x.map((p) => Number(pullOfLoss(p, scale).toPrecision(6)));
      return curve(name, x, pulls, { color: colour(n), dash: dash(n) });
    }),
    layout: {
      xaxis: axis('probability of the right class', '0 to 1'),
      yaxis: axis('size of the gradient', 'nats per unit of logit'),
    },
  });
}
