import { axis, colour, curve, dash, figure, type Figure, number } from './theme.js';

const classes = 10;

/**
 * How hard a loss pulls at the logit of the right class when the network gives that class the probability p and one
 * wrong class all the rest: 1 - p for cross-entropy of logits, and s p (1 - p) (1 - q_right + q_wrong) for
 * cross-entropy of s * softmax, q being the softmax of those.
 */
export function pullOfLoss(p: number, scale?: number): number {
  if (scale === undefined) return 1 - p;
  const [right, wrong] = [Math.exp(scale * p), Math.exp(scale * (1 - p))];
  const all = right + wrong + classes - 2;
  return scale * p * (1 - p) * (1 - right / all + wrong / all);
}

/**
 * The gradient on the right logit over the right class's probability: of logits, and of softmax inside the loss at some
 * scales.
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
