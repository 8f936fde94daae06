import { readFile } from 'node:fs/promises';
import { isMap, isScalar, LineCounter, parse, parseDocument, visit, type Document, type Node, type Pair } from 'yaml';
import { UserError } from '../../errors.js';
import { readAssignments } from '../../formats/text.js';
import type { AnySetting, SettingValue } from './schema.js';
import { valueText, type Given } from './settle.js';

/** A word of a command line as YAML reads it; a word that is no plain value or list stays as it is. */
export function valueIn(text: string): unknown {
  // An empty word is often an unset variable of a script: it must not count as null.
  if (text.trim() === '') return text;
  try {
    const value: unknown = parse(text, { logLevel: 'error' });
    const isPlain = value === null || ['number', 'boolean'].includes(typeof value) || Array.isArray(value);
    // Any other text stays as it is, with the # and the spaces that YAML would remove.
    return isPlain ? value : text;
  } catch {
    return text;
  }
}

/**
 * Reads `key=value` words of a command line; numbers, true, false, null and [lists] are written as in YAML. Throws a
 * UserError for a word without a key and for a key given twice.
 */
export function givenInWords(words: string[]): Given[] {
  return Object.entries(readAssignments(words)).map(([name, text]) => ({ name, value: valueIn(text), text }));
}

/** The place of something in a file, by its offset from the start: "run.yaml, line 3". */
export type PlaceOf = (offset?: number) => string;

/**
 * Reads a YAML file; the contents of an empty file are null. Throws a UserError that names the file, and the line if
 * there is one, for a file that cannot be read, is not YAML, or contains aliases.
 */
export async function readYaml(file: string, what: string): Promise<{ document: Document; place: PlaceOf }> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UserError(`The ${what} file ${file} cannot be read: ${error.message}.`);
  });
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const place = (offset = 0): string => `${file}, line ${lineCounter.linePos(offset).line}`;
  for (const { message, pos } of document.errors)
    throw new UserError(`${place(pos[0])}: this is not YAML: ${message}.`);
  visit(document, {
    Alias: (_, { source, range }) => {
      throw new UserError(`${place(range?.[0])}: *${source} stands for a value elsewhere; write the value itself.`);
    },
  });
  return { document, place };
}

/**
 * Reads the settings in a YAML file, each with its line. Throws a UserError as `readYaml` does, and for a file that
 * does not consist of names and values.
 */
export async function givenInFile(file: string): Promise<Given[]> {
  const { document, place } = await readYaml(file, 'settings');
  return document.contents === null ? [] : givenInNode(document, document.contents, place);
}

/**
 * The settings in a part of a YAML document, with groups flattened. Throws a UserError for a part that does not consist
 * of names and values.
 */
export function givenInNode(document: Document, node: Node, place: PlaceOf, group = ''): Given[] {
  if (!isMap(node)) {
    throw new UserError(`${place(node.range?.[0])}: settings must be lines of the form "name: value".`);
  }
  return (node.items as Pair<Node, Node | null>[]).flatMap(({ key, value }): Given[] => {
    const name = group + (isScalar(key) ? String(key.value) : key.toString());
    if (isMap(value)) return givenInNode(document, value, place, `${name}.`);
    return [{ name, value: value?.toJS(document) ?? null, place: place(key.range?.[0]) }];
  });
}

/**
 * Settings as a YAML file that reads back as the same settings, each under a comment with its meaning and rule. A
 * setting that must not be given beside the others is itself commented out.
 */
export function settingsText(schema: object, settings: object): string {
  return lines(schema, settings, settings, '')
    .map((line) => `${line}\n`)
    .join('');
}

function lines(schema: object, part: object, all: object, indent: string): string[] {
  return Object.entries(part).flatMap(([name, value]: [string, SettingValue | object]) => {
    const node = (schema as Record<string, AnySetting | object>)[name];
    if (!('rule' in node)) {
      const members = lines(node, value as object, all, `${indent}  `);
      const used = members.some((line) => !line.trimStart().startsWith('#'));
      return [`${indent}${used ? '' : '# '}${name}:`, ...members];
    }
    const conflict = node.conflict?.(all);
    const help = `${indent}# ${node.help} (${node.rule.words})`;
    return conflict === undefined
      ? [help, `${indent}${name}: ${valueText(value)}`]
      : [help, `${indent}# ${name}: not used, as ${conflict}`];
  });
}
