import { cifar10Statistics, normalise, type Normalise } from '../data/augment/normalise.js';

/** What a picture goes through where nothing else is asked for: CIFAR-10's means and standard deviations. */
export const defaultNormalise: Normalise = normalise(cifar10Statistics);
