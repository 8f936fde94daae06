import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { UserError } from '../../errors.js';
import { projectJupyterPath } from './kernelSpec.js';

function findProgram(name: string, env: NodeJS.ProcessEnv): string | undefined {
  const endings = process.platform === 'win32' ? ['.exe', '.cmd'] : [''];
  const folders = (env.PATH ?? env.Path ?? '').split(delimiter).filter((folder) => folder !== '');
  const candidates = folders.flatMap((folder) => endings.map((ending) => join(folder, name + ending)));
  return candidates.find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

const ABSENT = `neither JupyterLab nor Jupyter Notebook is on the PATH. You can
  - install it (needs Python): pipx install jupyterlab, or pip install --user jupyterlab, or apt install jupyter
  - use VS Code with its Jupyter extension: sparsebook kernel install, then open a notebook
  - run a notebook without either: sparsebook run 01`;

/** JupyterLab, else Jupyter Notebook; throws UserError that says how to get one. */
export function findJupyter(env: NodeJS.ProcessEnv = process.env): string {
  const program = findProgram('jupyter-lab', env) ?? findProgram('jupyter-notebook', env);
  if (program === undefined) throw new UserError(ABSENT);
  return program;
}

/** The environment in which Jupyter finds the project's own kernel before any other. */
export function jupyterEnvironment(env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const paths = [projectJupyterPath, env.JUPYTER_PATH].filter((path) => path !== undefined && path !== '');
  return { ...env, JUPYTER_PATH: paths.join(delimiter) };
}

/** Starts Jupyter with the given words of its own, in this terminal; resolves with its exit code. */
export function startJupyter(words: string[]): Promise<number> {
  const child = spawn(findJupyter(), words, { stdio: 'inherit', env: jupyterEnvironment() });
  // Ctrl-C is Jupyter's to answer: it asks whether to stop.
  const ignore = (): void => undefined;
  process.on('SIGINT', ignore);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => {
      process.off('SIGINT', ignore);
      resolve(code ?? 1);
    });
  });
}
