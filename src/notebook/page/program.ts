import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as needsNode from '../../needsNode.js';
import { dependents } from '../live/code/dependents.js';
import { linksOf, readCells, type ReadCells } from '../live/code/runPlan.js';
import { parameterControls } from '../live/document/parameters.js';
import type { ParameterControl } from '../live/protocol.js';
import { textsOf } from '../render/markdown.js';
import { cellTitle, isExecuted, joined, type Notebook } from '../run/notebook.js';
import { carriedRuns } from './carriedRuns.js';
import { type CompiledForPage, compileCells } from './compileCells.js';
import type { PageCell, PageNotebook } from './protocol.js';

/** Everything that a page needs to run a notebook. */
export interface PageProgram {
  notebook: PageNotebook;
  /** JavaScript that starts the cells in the worker. */
  code: string;
  /** The files saved beside the notebook, and those of the runs that its outputs name, by their paths in the page. */
  files: Map<string, Uint8Array>;
}

/**
 * Compiles a notebook for a page. The notebook is in `folder`, and its saved files are there in outputs/`name`. Runs
 * none of its cells.
 */
export async function pageProgram(notebook: Notebook, name: string, folder: string): Promise<PageProgram> {
  const cells = notebook.cells.filter(isExecuted).map(({ id, source }) => ({ id, source: joined(source) }));
  const controls = parameterControls(notebook.cells);
  const ofCell = (id: string): string[] => controls.filter(({ cell }) => cell === id).map((control) => control.name);
  const compiled = await compileCells(
    folder,
    cells.map(({ id, source }) => ({ id, source, parameters: ofCell(id) })),
  );
  const code = readCells(cells);
  const pageCells = linksOf(code).map((links, index): PageCell => {
    const place = notebook.cells.findIndex(({ id }) => id === links.id);
    const depends = controls.filter((control) => dependsOn(code, index, control));
    const unable = compiled[index].fault ?? needOfNode(compiled[index], code, index);
    return {
      ...links,
      place: place + 1,
      title: cellTitle(notebook.cells, place),
      parameters: depends.map((control) => control.name),
      ...(unable === undefined ? {} : { unable }),
    };
  });
  const runs = carriedRuns(notebook, folder);
  return {
    notebook: { cells: pageCells, controls, texts: textsOf(notebook.cells), missingRuns: runs.missing },
    code: codeOf(compiled),
    files: new Map([...filesBeside(folder, name), ...runs.files]),
  };
}

/** Whether a cell declares a parameter, or has a statement that depends on it. */
function dependsOn({ cells, statements, read }: ReadCells, index: number, { cell, name }: ParameterControl): boolean {
  const dependent = new Set(dependents(statements.flat(), [name], read));
  return cells[index].id === cell || statements[index].some((statement) => dependent.has(statement));
}

/** The only modules that a page has; all others belong to Node, or are on a disk. */
const MODULES = new Set(['sparsebook', '@sparsebook/notebook', '@tensorflow/tfjs']);
const GLOBALS = ['process', 'Buffer', 'require', 'module', '__filename', '__dirname', 'global'];

/** Why a cell needs Node, as far as can be seen before it runs. */
function needOfNode(cell: CompiledForPage, { cells, named }: ReadCells, index: number): string | undefined {
  if (cell.fault !== undefined) return undefined;
  const { source } = cells[index];
  const declared = new Set(named.flatMap(({ declares }) => [...declares]));
  const libraries = cells.flatMap((one) => [
    ...one.source.matchAll(/import \* as (\w+) from ['"](?:sparsebook|@sparsebook\/notebook)['"]/g),
  ]);
  const calls = libraries.flatMap(([, library]) => [
    ...source.matchAll(new RegExp(String.raw`\b${library}\.(?:${Object.keys(needsNode).join('|')})\b`, 'g')),
  ]);
  const needs = [
    ...cell.imports.filter((name) => !MODULES.has(name)),
    ...GLOBALS.filter((name) => named[index].uses.has(name) && !declared.has(name)),
    ...calls.map(([call]) => call),
  ];
  if (needs.length === 0) return undefined;
  return `${[...new Set(needs)].join(', ')} ${needs.length === 1 ? 'needs' : 'need'} Node`;
}

function codeOf(compiled: CompiledForPage[]): string {
  const cells = compiled.flatMap((cell) => {
    if (cell.fault !== undefined) return [];
    const { id, declares, lastValue, code } = cell;
    const about = JSON.stringify({ declares, lastValue }).slice(1, -1);
    return [`${JSON.stringify(id)}: { ${about}, body: ${code} }`];
  });
  return `startCells({\n${cells.join(',\n')}\n});\n`;
}

/** The files saved beside a notebook in outputs/NAME, except executed notebooks and hidden files. */
function filesBeside(folder: string, name: string): PageProgram['files'] {
  const path = join('outputs', name);
  const entries = readEntries(join(folder, path));
  const files = entries.filter((entry) => entry.isFile() && !/\.ipynb$|^\./.test(entry.name));
  return new Map(
    files.map((entry): [string, Uint8Array] => {
      const file = join(entry.parentPath, entry.name);
      return [file.slice(folder.length + 1).replaceAll('\\', '/'), readFileSync(file)];
    }),
  );
}

function readEntries(folder: string): { name: string; parentPath: string; isFile(): boolean }[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true });
  } catch {
    // There are no saved files.
    return [];
  }
}
