import type { Figure } from './figure.js';
import { axis, colour, figure, ink } from './theme.js';
import { list, percent } from './words.js';

/** A network at one stage, and how many images its accuracy is of. */
export interface StageAccuracy {
  stage: string;
  /** From 0 to 1. */
  accuracy: number;
  images: number;
}

/** Half the width of the 95 % interval of a share of so many images: 1.96 sqrt(p (1 - p) / n). */
export function accuracyMargin({ accuracy, images }: Pick<StageAccuracy, 'accuracy' | 'images'>): number {
  return 1.96 * Math.sqrt((accuracy * (1 - accuracy)) / images);
}

/**
 * The accuracy before and after each stage, with bars for what the choice of test images alone makes uncertain (95 %).
 * Accuracies of the same images may differ reliably by less: see `pairedChange`.
 */
export function accuracyByStage(
  series: readonly { name: string; stages: readonly StageAccuracy[] }[],
  options: { title?: string } = {},
): Figure {
  const said = series.map(
    ({ name, stages }) => `${name}: ${list(stages.map((s) => `${s.stage} ${percent(s.accuracy)}`))}`,
  );
  return figure({
    title: options.title ?? 'Accuracy from stage to stage',
    alt: `Test accuracy with 95 % intervals. ${said.join('; ')}.`,
    data: series.map(({ name, stages }, n) => ({
      type: 'scatter',
      mode: 'lines+markers',
      name,
      x: stages.map(({ stage }) => stage),
      y: stages.map(({ accuracy }) => 100 * accuracy),
      error_y: { type: 'data', array: stages.map((s) => 100 * accuracyMargin(s)), color: ink, thickness: 1.5 },
      marker: { size: 9, color: colour(n) },
      line: { width: 1.5, color: colour(n), dash: 'dot' },
      hovertemplate: '%{x}: %{y:.2f} %',
    })),
    layout: {
      xaxis: axis('network', 'in the order it was made', { type: 'category' }),
      yaxis: axis('accuracy', '% of test images'),
    },
    legendBelow: true,
    height: 400,
  });
}
