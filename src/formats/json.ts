/** A JSON object, nothing of which has been checked yet. */
export type Json = Record<string, unknown>;

/** Whether a parsed JSON value is an object, rather than a list, null or a primitive. */
export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
