/** One result in several representations, by MIME type: JSON types hold a value, all others text or its lines. */
export type MimeBundle = Record<string, unknown>;

/** The text under a type, as one string; empty where there is none. */
export function textIn(bundle: MimeBundle, type: string): string {
  const value = bundle[type];
  if (Array.isArray(value)) return value.map(String).join('');
  return typeof value === 'string' ? value : '';
}
