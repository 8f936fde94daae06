import { copyFileSync, rmSync } from 'node:fs';
import { dirname, isAbsolute, join, normalize, delimiter } from 'node:path';
import { spawn } from 'node:child_process';
import { UserError } from '../../errors.js';
import { jsonFile, writeFileWholeSync } from '../../platform/writeFile.js';
import {
  checkedKernelName,
  commandOf,
  findKernelSpec,
  type KernelSpec,
  packageRoot,
  projectJupyterPath,
  readKernelSpec,
  userDataDir,
  USUAL_KERNEL,
} from './kernelSpec.js';

/** Where a kernelspec is installed, and under which name. */
export interface InstallOptions {
  /** Installs below PREFIX/share/jupyter instead of the user's Jupyter folder. */
  prefix?: string;
  /** The kernel's name; `tslab` by default, which is what the notebooks ask for. */
  name?: string;
}

function folderOf({ prefix, name = USUAL_KERNEL }: InstallOptions): { folder: string; name: string } {
  const data = prefix === undefined ? userDataDir() : join(prefix, 'share', 'jupyter');
  return { folder: join(data, 'kernels', checkedKernelName(name)), name };
}

/** The logos that frontends show beside the kernel's name. */
const LOGOS = ['logo-64x64.png', 'logo-svg.svg'];

/** Returns the project that installed a kernelspec; undefined if another program did. */
export function installedBy(spec: KernelSpec): string | undefined {
  return spec.metadata?.sparsebook?.project;
}

/**
 * Writes a kernelspec with absolute paths, for frontends that do not look into the project (VS Code); returns its
 * kernel.json. Throws a UserError rather than replace another program's kernelspec.
 */
export function installKernel(options: InstallOptions = {}): string {
  const { folder, name } = folderOf(options);
  const there = readKernelSpec(folder, name);
  if (there && installedBy(there) === undefined) {
    throw new UserError(`${there.file} belongs to another program; install under another name with --name sparsebook`);
  }
  const own = findKernelSpec(USUAL_KERNEL, [projectJupyterPath]);
  const spec = {
    argv: commandOf(own, '{connection_file}').map((word) => (isAbsolute(word) ? normalize(word) : word)),
    display_name: own.display_name,
    language: own.language,
    // On Windows a signal ends the kernel instead of interrupting it.
    interrupt_mode: process.platform === 'win32' ? 'message' : 'signal',
    metadata: { sparsebook: { ...own.metadata?.sparsebook, project: packageRoot } },
  };
  const file = join(folder, 'kernel.json');
  writeFileWholeSync(file, JSON.stringify(spec, null, 2) + '\n', jsonFile);
  for (const logo of LOGOS) copyFileSync(join(dirname(own.file), logo), join(folder, logo));
  return file;
}

/**
 * Removes what {@link installKernel} wrote and returns its folder; throws a UserError if nothing is installed there or
 * it belongs to another program.
 */
export function uninstallKernel(options: InstallOptions = {}): string {
  const { folder, name } = folderOf(options);
  const there = readKernelSpec(folder, name);
  if (!there) throw new UserError(`no kernel is installed in ${folder}`);
  if (installedBy(there) === undefined) throw new UserError(`${there.file} belongs to another program; it stays`);
  rmSync(folder, { recursive: true });
  return folder;
}

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
 * Starts JupyterLab, else Jupyter Notebook, with these arguments, in this terminal; resolves with its exit code. Throws
 * a UserError that says how to install one if there is neither.
 */
export async function startJupyter(words: string[], env: NodeJS.ProcessEnv = process.env): Promise<number> {
  // Jupyter handles Ctrl-C itself: it asks whether to stop.
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

/** Runs a program to its end and resolves with its exit code; undefined if there is no such program. */
function exitCodeOf(program: string, words: string[], env: NodeJS.ProcessEnv): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    spawn(program, words, { stdio: 'inherit', env })
      .on('error', (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? resolve(undefined) : reject(error)))
      .on('exit', (code) => resolve(code ?? 1));
  });
}
