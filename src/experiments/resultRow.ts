/** A result in the words and units of a table. */
export type ResultRow = Record<string, string | number | null>;
