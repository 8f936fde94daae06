import type { Checkout } from './checkout.js';

/** The version of this package, which the bundler inserts. */
declare const VERSION: string;

/** Only the version: a bundle belongs to no checkout. */
export const checkout = (): Promise<Checkout> => Promise.resolve({ version: VERSION });
