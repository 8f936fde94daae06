import { defaultHardConcrete } from './hardConcrete.js';

const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));
const logit = (u: number): number => Math.log(u) - Math.log1p(-u);

/**
 * The density of the stretched concrete variable at x: with s = (x - gamma) / (zeta - gamma) and
 * F = sigmoid(temperature * logit(s) - logAlpha), it is temperature * F (1 - F) / (s (1 - s) (zeta - gamma)).
 *
 * The density is 0 outside (gamma, zeta). Clipping moves the mass below 0 and above 1 onto these two points: see
 * `pointMasses`.
 */
export function density(x: number, logAlpha: number, shape = defaultHardConcrete): number {
  const width = shape.zeta - shape.gamma;
  const s = (x - shape.gamma) / width;
  if (s <= 0 || s >= 1) return 0;
  const f = sigmoid(shape.temperature * logit(s) - logAlpha);
  return (shape.temperature * f * (1 - f)) / (s * (1 - s) * width);
}

/** P(stretched sample <= x) = sigmoid(temperature * logit((x - gamma) / (zeta - gamma)) - logAlpha). */
export function cdf(x: number, logAlpha: number, shape = defaultHardConcrete): number {
  const s = (x - shape.gamma) / (shape.zeta - shape.gamma);
  if (s <= 0) return 0;
  if (s >= 1) return 1;
  return sigmoid(shape.temperature * logit(s) - logAlpha);
}

/** The stretched variable at the uniform number u in (0, 1): the inverse of `cdf`, and how samples are drawn. */
export function quantile(u: number, logAlpha: number, shape = defaultHardConcrete): number {
  return sigmoid((logit(u) + logAlpha) / shape.temperature) * (shape.zeta - shape.gamma) + shape.gamma;
}

/** The mask at the uniform number u: the quantile clipped to [0, 1]. */
export function mask(u: number, logAlpha: number, shape = defaultHardConcrete): number {
  return Math.min(1, Math.max(0, quantile(u, logAlpha, shape)));
}

/** The probabilities that the mask is exactly 0 and exactly 1. */
export function pointMasses(logAlpha: number, shape = defaultHardConcrete): { zero: number; one: number } {
  return { zero: cdf(0, logAlpha, shape), one: 1 - cdf(1, logAlpha, shape) };
}

/** P(mask != 0) of one gate, which the L0 penalty sums. */
export function openProbability(logAlpha: number, shape = defaultHardConcrete): number {
  return 1 - cdf(0, logAlpha, shape);
}

/** The mask used after training: clip(sigmoid(logAlpha) * (zeta - gamma) + gamma, 0, 1). */
export function testMask(logAlpha: number, shape = defaultHardConcrete): number {
  return Math.min(1, Math.max(0, sigmoid(logAlpha) * (shape.zeta - shape.gamma) + shape.gamma));
}
