// Reads values of parameters with union types in pages, which have no parser for types. This file imports nothing.

const PLAIN = /^(?:number|string|boolean|null|'[^']*'|"[^"]*"|-?\d+(?:\.\d+)?)$/;

/** The parts of a written type such as `number | 'auto'`; none if it is not a union of plain types. */
export function unionParts(type = ''): string[] {
  const parts = type.split('|').map((part) => part.trim());
  const others = parts.filter((part) => part !== '' && part !== 'undefined');
  return others.length > 1 && others.every((part) => PLAIN.test(part)) ? others : [];
}

/** Reads a text as a value of one of these types (any text is a `string`); undefined if it fits none of them. */
export function readUnion(parts: string[], text: string): unknown {
  const said = text.trim();
  const number = said === '' ? NaN : Number(said);
  for (const part of parts) {
    if (part === 'number' && Number.isFinite(number)) return number;
    if (part === 'null' && said === part) return null;
    if (part === 'boolean' && /^(?:true|false)$/.test(said)) return said === 'true';
    if (/^['"]/.test(part) && text === part.slice(1, -1)) return text;
    if (/^[-\d]/.test(part) && number === Number(part)) return number;
  }
  return parts.includes('string') ? text : undefined;
}
