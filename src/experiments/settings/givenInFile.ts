import { readFile } from 'node:fs/promises';
import { isMap, isScalar, LineCounter, parseDocument, visit, type Document, type Node, type Pair } from 'yaml';
import { UserError } from '../../errors.js';
import type { Given } from './given.js';

/**
 * Reads the settings in a YAML file, each with its line. Throws a UserError that names the file, and the line where there
 * is one, for a file that cannot be read, is not YAML, or does not consist of names and values.
 */
export async function givenInFile(file: string): Promise<Given[]> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UserError(`The settings file ${file} cannot be read: ${error.message}.`);
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
  return document.contents === null ? [] : settingsIn(document, document.contents, '', place);
}

function settingsIn(document: Document, node: Node, group: string, place: (offset?: number) => string): Given[] {
  if (!isMap(node)) {
    throw new UserError(`${place(node.range?.[0])}: a settings file has lines of the form "name: value".`);
  }
  return (node.items as Pair<Node, Node | null>[]).flatMap(({ key, value }): Given[] => {
    const name = group + (isScalar(key) ? String(key.value) : key.toString());
    if (isMap(value)) return settingsIn(document, value, `${name}.`, place);
    return [{ name, value: value?.toJS(document) ?? null, place: place(key.range?.[0]) }];
  });
}
