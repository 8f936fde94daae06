/** A result in the words and units of a table. */
export type ResultRow = Record<string, string | number | null>;

/** A share in percent, to two digits. */
export const percent = (share: number): number => Number((100 * share).toFixed(2));
