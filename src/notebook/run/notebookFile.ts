import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { UserError } from '../../errors.js';
import { writeFileWhole, type FileKind } from '../../platform/writeFile.js';
import { joined, lines, type Cell, type Notebook } from './notebook.js';

const CELL_ID = /^[a-zA-Z0-9-_]{1,64}$/;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isText = (value: unknown): boolean =>
  typeof value === 'string' || (Array.isArray(value) && value.every((line) => typeof line === 'string'));

/** What keeps a value from being a cell; undefined when nothing does. */
function faultOfCell(cell: unknown): string | undefined {
  if (!isObject(cell)) return 'is not an object';
  if (!['code', 'markdown', 'raw'].includes(String(cell.cell_type))) {
    return `has cell_type ${JSON.stringify(cell.cell_type)}; it must be "code", "markdown" or "raw"`;
  }
  if (!isText(cell.source)) return "needs a 'source' of text or lines of text";
  if (cell.metadata !== undefined && !isObject(cell.metadata)) return "has 'metadata' that is not an object";
  const tags = cell.metadata?.tags;
  if (tags !== undefined && !(Array.isArray(tags) && isText(tags))) return "has 'tags' that are not a list of words";
  return undefined;
}

/** Brings a cell of any nbformat 4 up to 4.5: an id of its own, and the keys that its type needs. */
function upgraded(cell: Cell, taken: Set<string>): Cell {
  const id =
    typeof cell.id === 'string' && CELL_ID.test(cell.id) && !taken.has(cell.id)
      ? cell.id
      : randomBytes(4).toString('hex');
  taken.add(id);
  const common = { ...cell, id, metadata: cell.metadata ?? {}, source: lines(joined(cell.source)) };
  if (common.cell_type !== 'code') return common;
  return { ...common, execution_count: common.execution_count ?? null, outputs: common.outputs ?? [] };
}

/** Reads a notebook of nbformat 4 and brings it up to 4.5; throws UserError that names the file and the fault. */
export async function readNotebook(file: string): Promise<Notebook> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UserError(error.code === 'ENOENT' ? `there is no notebook ${file}` : `cannot read ${error.message}`);
  });
  return parseNotebook(text, file);
}

/** The notebook that a file's text holds, as `readNotebook` returns it. */
export function parseNotebook(text: string, file: string): Notebook {
  const refuse = (fault: string): never => {
    throw new UserError(`${file} is not a notebook: ${fault}`);
  };
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    refuse(`it is not JSON (${(error as Error).message})`);
  }
  if (!isObject(parsed) || !Array.isArray(parsed.cells)) return refuse("it has no list of 'cells'");
  if (parsed.nbformat !== 4) {
    refuse(`its nbformat is ${JSON.stringify(parsed.nbformat)}; save it from Jupyter as nbformat 4`);
  }
  parsed.cells.forEach((cell, i) => {
    const fault = faultOfCell(cell);
    if (fault) refuse(`cell ${i + 1} ${fault}`);
  });
  const taken = new Set<string>();
  return {
    ...parsed,
    nbformat: 4,
    nbformat_minor: Math.max(5, Number(parsed.nbformat_minor) || 0),
    metadata: isObject(parsed.metadata) ? parsed.metadata : {},
    cells: (parsed.cells as Cell[]).map((cell) => upgraded(cell, taken)),
  };
}

/** JSON as Jupyter writes it (sorted keys, indented by one), so that the two do not undo each other's layout. */
export function notebookText(notebook: Notebook): string {
  const sorted = (_key: string, value: unknown): unknown =>
    isObject(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value;
  return JSON.stringify(notebook, sorted, 1) + '\n';
}

/** What a saved notebook may replace: JSON that begins as one does, with its keys in any order. */
export const notebookFile: FileKind = {
  name: 'a notebook',
  isOne: (head) => /^\uFEFF?\s*\{\s*"(cells|metadata|nbformat|nbformat_minor)"/.test(head.toString()),
};

/** Writes a notebook: at any moment the file is the old notebook or the new one, whole. Throws as `writeFileWhole` does. */
export function writeNotebook(file: string, notebook: Notebook): Promise<void> {
  return writeFileWhole(file, notebookText(notebook), notebookFile);
}
