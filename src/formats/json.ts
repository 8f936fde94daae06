/** An object of a JSON text, of which nothing is known yet. */
export type Json = Record<string, unknown>;

/** Whether a value of a JSON text is an object, rather than a list, null or something plain. */
export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
