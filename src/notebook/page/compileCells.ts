import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface CellOfPage {
  id: string;
  source: string;
  /** The names whose values the page may set. */
  parameters: string[];
}

/** A cell as a page can run it, or why it cannot. */
export type CompiledForPage =
  | { id: string; declares: string[]; imports: string[]; lastValue?: string; code: string; fault?: undefined }
  | { id: string; fault: string };

const program = fileURLToPath(new URL('compiler.js', import.meta.url));
/** How long an idle compiler is kept: with it, the next notebook takes half as long. */
const IDLE_MS = 5000;

/** A process that compiles the notebooks of a folder, and the requests that wait for its answers, in order. */
interface Compiler {
  child: ChildProcess;
  waiting: { resolve: (compiled: CompiledForPage[]) => void; reject: (error: Error) => void }[];
  idle?: NodeJS.Timeout;
}

const compilers = new Map<string, Compiler>();

function compilerIn(folder: string): Compiler {
  const running = compilers.get(folder);
  if (running) return running;
  const child = fork(program, { cwd: folder, execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const compiler: Compiler = { child, waiting: [] };
  compilers.set(folder, compiler);
  // The folder may have its next compiler before this one has ended.
  const forget = (): void => void (compilers.get(folder) === compiler && compilers.delete(folder));
  const end = (error: Error): void => {
    forget();
    for (const { reject } of compiler.waiting.splice(0)) reject(error);
  };
  child.on('message', (compiled) => {
    compiler.waiting.shift()!.resolve(compiled as CompiledForPage[]);
    if (compiler.waiting.length > 0) return;
    // The compiler does not keep this process alive, and ends with it.
    child.unref();
    child.channel!.unref();
    compiler.idle = setTimeout(() => {
      forget();
      child.disconnect();
    }, IDLE_MS).unref();
  });
  child.once('error', end);
  child.once('exit', (code) => end(new Error(`the compiler of cells ended with exit code ${code}`)));
  return compiler;
}

/**
 * Compiles the cells of a notebook in `folder` as its kernel would, in a process whose working directory is `folder`,
 * as a kernel's is. Runs nothing.
 */
export async function compileCells(folder: string, cells: CellOfPage[]): Promise<CompiledForPage[]> {
  const { child, waiting, idle } = compilerIn(folder);
  clearTimeout(idle);
  child.ref();
  child.channel!.ref();
  return new Promise((resolve, reject) => {
    waiting.push({ resolve, reject });
    child.send(cells);
  });
}
