import { spawn } from 'node:child_process';
import { delimiter } from 'node:path';
import { UserError } from '../../errors.js';
import { projectJupyterPath } from './kernelSpec.js';

const ABSENT = `neither JupyterLab nor Jupyter Notebook is on the PATH. You can
  - install it (needs Python): pipx install jupyterlab, or pip install --user jupyterlab, or apt install jupyter
  - use VS Code with its Jupyter extension: sparsebook kernel install, then open a notebook
  - run a notebook without either: sparsebook run 01`;

/** The environment in which Jupyter finds the project's own kernel before any other. */
export function jupyterEnvironment(env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const paths = [projectJupyterPath, env.JUPYTER_PATH].filter((path) => path !== undefined && path !== '');
  return { ...env, JUPYTER_PATH: paths.join(delimiter) };
}

/**
 * Starts JupyterLab, else Jupyter Notebook, with words of its own, in this terminal; resolves with its exit code.
 * Throws a UserError that says how to get one.
 */
export async function startJupyter(words: string[], env: NodeJS.ProcessEnv = process.env): Promise<number> {
  // Ctrl-C is Jupyter's to answer: it asks whether to stop.
  const ignore = (): void => undefined;
  process.on('SIGINT', ignore);
  try {
    for (const program of ['jupyter-lab', 'jupyter-notebook']) {
      const code = await exitCodeOf(program, words, jupyterEnvironment(env));
      if (code !== undefined) return code;
    }
  } finally {
    process.off('SIGINT', ignore);
  }
  throw new UserError(ABSENT);
}

/** Runs a program to its end; undefined where there is none of that name. */
function exitCodeOf(program: string, words: string[], env: NodeJS.ProcessEnv): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    spawn(program, words, { stdio: 'inherit', env })
      .on('error', (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? resolve(undefined) : reject(error)))
      .on('exit', (code) => resolve(code ?? 1));
  });
}
