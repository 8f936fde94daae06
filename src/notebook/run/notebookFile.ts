import { constants } from 'node:buffer';
import { randomBytes, createHash } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { closest } from 'fastest-levenshtein';
import { UserError } from '../../errors.js';
import { type FileKind, writeFileWhole } from '../../platform/writeFile.js';
import { packageRoot } from '../jupyter/kernelSpec.js';
import { isObject } from '../../formats/json.js';
import { isText, joined, lines } from './notebook.js';
import type { Cell, Notebook, Output, MultilineText } from './notebook.js';

const CELL_ID = /^[a-zA-Z0-9-_]{1,64}$/;

/** Deeper nesting is not indented further. */
const DEEPEST_INDENT = 200;

function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  return isObject(value) ? 'an object' : String(JSON.stringify(value)).slice(0, 80);
}

function faultOfCell(cell: unknown): string | undefined {
  if (!isObject(cell)) return 'is not an object';
  if (!['code', 'markdown', 'raw'].includes(cell.cell_type as string)) {
    return `has cell_type ${shown(cell.cell_type)}; it must be "code", "markdown" or "raw"`;
  }
  if (!isText(cell.source)) return "needs a 'source' of text or lines of text";
  if (cell.metadata !== undefined && !isObject(cell.metadata)) return "has 'metadata' that is not an object";
  const tags = cell.metadata?.tags;
  if (tags !== undefined && !(Array.isArray(tags) && isText(tags))) return "has 'tags' that are not a list of words";
  return undefined;
}

/** Upgrades a cell of any nbformat 4 to 4.5: gives it an id of its own, and the keys that its type needs. */
function upgraded(cell: Cell, taken: Set<string>): Cell {
  const id =
    typeof cell.id === 'string' && CELL_ID.test(cell.id) && !taken.has(cell.id)
      ? cell.id
      : randomBytes(4).toString('hex');
  taken.add(id);
  const common = { ...cell, id, metadata: cell.metadata ?? {}, source: lines(joined(cell.source)) };
  if (common.cell_type !== 'code') return common;
  const count: unknown = common.execution_count;
  const outputs: unknown = common.outputs ?? [];
  return {
    ...common,
    execution_count: Number.isInteger(count) ? (count as number) : null,
    // A value that is not a list is kept as one output; a notice says so wherever it is shown.
    outputs: (Array.isArray(outputs) ? outputs : [outputs]) as Output[],
  };
}

/** Reads a notebook as nbformat 4.5; its outputs stay as they are. Throws a UserError that names file and fault. */
export async function readNotebook(file: string): Promise<Notebook> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw new UserError(error.code === 'ENOENT' ? `there is no notebook ${file}` : `cannot read ${error.message}`);
  });
  return parseNotebook(bytes, file);
}

/** Parses the bytes of a notebook's file; returns what `readNotebook` does. */
export function parseNotebook(bytes: Uint8Array, file: string): Notebook {
  const refuse = (fault: string): never => {
    throw new UserError(`${file} is not a notebook: ${fault}`);
  };
  if (bytes.length > constants.MAX_STRING_LENGTH) {
    refuse(`it has ${bytes.length} bytes, and at most ${constants.MAX_STRING_LENGTH} can be read`);
  }
  let parsed: unknown;
  try {
    // Removes a byte order mark, and throws for text that is not UTF-8, which would be saved with other letters.
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    const { message } = error as Error;
    refuse(error instanceof SyntaxError ? `it is not JSON (${message})` : 'it is not text in UTF-8');
  }
  const { nbformat, cells } = isObject(parsed) ? parsed : {};
  // Before nbformat 4, cells were in worksheets.
  if (nbformat !== 4 && (nbformat ?? cells) !== undefined) {
    refuse(`its nbformat is ${shown(nbformat)}; save it from Jupyter as nbformat 4`);
  }
  if (!isObject(parsed) || !Array.isArray(cells)) return refuse("it has no list of 'cells'");
  const metadata = isObject(parsed.metadata) ? parsed.metadata : {};
  cells.forEach((cell, i) => {
    const fault = faultOfCell(cell);
    if (fault) refuse(`cell ${i + 1} ${fault}`);
  });
  const taken = new Set<string>();
  return {
    ...parsed,
    nbformat: 4,
    nbformat_minor: Number.isInteger(parsed.nbformat_minor) ? Math.max(5, parsed.nbformat_minor as number) : 5,
    metadata,
    cells: (cells as Cell[]).map((cell) => upgraded(cell, taken)),
  };
}

/** JSON as Jupyter writes it (sorted keys, indented by one), so that the two do not undo each other's layout. */
export function notebookText(notebook: Notebook): string {
  const written: string[] = [];
  // JSON.stringify fails at some thousand levels of nesting, and all results of a run would be lost.
  const todo: (string | Nested)[] = [{ value: notebook, line: '\n' }];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    if (typeof next === 'string') written.push(next);
    else todo.push(...layOut(next).reverse());
  }
  return `${written.join('')}\n`;
}

interface Nested {
  value: object;
  line: string;
}

const isNested = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** Returns the text of a list or an object, with the lists and objects nested in it left as they are. */
function layOut({ value, line }: Nested): (string | Nested)[] {
  const inner = line.length < DEEPEST_INDENT ? `${line} ` : line;
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  const pieces: (string | Nested)[] = [];
  let text = '';
  const add = (name: string, entry: unknown): void => {
    text += `${text === '' && pieces.length === 0 ? open : ','}${inner}${name}`;
    if (!isNested(entry)) text += JSON.stringify(entry) ?? 'null';
    else {
      pieces.push(text, { value: entry, line: inner });
      text = '';
    }
  };
  if (Array.isArray(value)) for (const entry of value) add('', entry);
  else {
    const named = Object.entries(value).filter(([, entry]) => entry !== undefined);
    for (const [name, entry] of named.sort(byName)) add(`${JSON.stringify(name)}: `, entry);
  }
  if (text === '' && pieces.length === 0) return [open + close];
  return [...pieces, text + line + close];
}

const byName = ([a]: [string, unknown], [b]: [string, unknown]): number => (a < b ? -1 : 1);

/** The files that a saved notebook may replace: JSON that begins like a notebook, with its keys in any order. */
export const notebookFile: FileKind = {
  name: 'a notebook',
  isOne: (head) => /^\uFEFF?\s*\{\s*"(cells|metadata|nbformat|nbformat_minor)"/.test(head.toString()),
};

/**
 * Writes a notebook atomically: at any moment the file is either the old notebook or the new one. Throws as
 * `writeFileWhole` does.
 */
export function writeNotebook(file: string, notebook: Notebook): Promise<void> {
  return writeFileWhole(file, notebookText(notebook), notebookFile);
}

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;

/**
 * Returns the file that a notebook's name refers to: a path (`.ipynb` may be omitted), or the beginning of a name in
 * `notebooks/` of the working folder or of this project, such as `01`. Throws a UserError if there is none or more than
 * one.
 */
export function resolveNotebook(name: string, cwd: string = process.cwd()): string {
  const paths = [resolve(cwd, name), resolve(cwd, `${name}.ipynb`)];
  const path = paths.find(isFile);
  if (path) return path;
  const places = [join(cwd, 'notebooks'), join(packageRoot, 'notebooks')].filter((folder) => existsSync(folder));
  const folders = [...new Set(places)];
  for (const folder of folders) {
    const names = readdirSync(folder).filter((file) => file.endsWith('.ipynb'));
    const matches = names.filter((file) => file === `${name}.ipynb` || file.startsWith(`${name}-`));
    if (matches.length === 1) return join(folder, matches[0]);
    if (matches.length > 1) throw new UserError(`'${name}' could be ${matches.join(' or ')}; write more of the name`);
  }
  const found = folders.flatMap((folder) => readdirSync(folder)).filter((file) => file.endsWith('.ipynb'));
  const known = [...new Set(found)];
  const offer = known.length > 0 ? `; did you mean ${closest(name, known)}? There are: ${known.join(', ')}` : '';
  throw new UserError(`there is no notebook ${name}${offer}`);
}

/** A kind of file that a command is asked to write. */
export interface OutputKind extends FileKind {
  endings: string[];
  /** What to do instead, for some other endings. */
  instead?: Record<string, string>;
}

/** Throws a UserError if `output` is a folder or does not end like a file of this kind. */
export function requireEnding(output: string, { name, endings, instead = {} }: OutputKind): void {
  if (/[\\/]$/.test(output) || isFolder(output)) {
    throw new UserError(`${output} is a folder; name a file in it, such as ${join(output, `executed${endings[0]}`)}`);
  }
  const ending = extname(output).toLowerCase();
  if (endings.includes(ending)) return;
  const named = join(dirname(output), `${basename(output, extname(output))}${endings[0]}`);
  const rather = instead[ending] ?? `write -o ${named}, or -o - for standard output`;
  throw new UserError(
    `${name} must be written to a file that ends in ${endings.join(' or ')}; received ${output}: ${rather}`,
  );
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** SHA-256 of a cell's source: outputs saved with another hash are older than their source. */
export function sourceHash(source: MultilineText): string {
  return createHash('sha256').update(joined(source)).digest('hex');
}
