import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface CellOfPage {
  id: string;
  source: string;
  /** Those of its names whose values the page may set. */
  parameters: string[];
}

/** A cell as a page can run it, or why it cannot. */
export type CompiledForPage =
  | { id: string; declares: string[]; imports: string[]; lastValue?: string; code: string; fault?: undefined }
  | { id: string; fault: string };

const program = fileURLToPath(new URL('compiler.js', import.meta.url));

/**
 * Compiles the cells of a notebook in `folder` as its kernel would, in a process of its own, whose folder is the
 * notebook's as a kernel's is. Runs nothing.
 */
export async function compileCells(folder: string, cells: CellOfPage[]): Promise<CompiledForPage[]> {
  const child = fork(program, { cwd: folder, execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  return new Promise((resolve, reject) => {
    child.once('message', (compiled) => resolve(compiled as CompiledForPage[]));
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the compiler of cells ended with exit code ${code}`)));
    child.send(cells);
  });
}
