import type { Checkout } from './checkout.js';

/** The version of this package: the bundler puts it here. */
declare const VERSION: string;

/** The version alone: a bundle belongs to no checkout. */
export const checkout = (): Promise<Checkout> => Promise.resolve({ version: VERSION });
