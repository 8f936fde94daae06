import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '../../errors.js';
import { isObject } from '../../formats/json.js';

/** The root of this package; this file is built to dist/notebook/jupyter/. */
export const packageRoot: string = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

/** The folder to put on JUPYTER_PATH so that Jupyter finds the project's own kernelspec. */
export const projectJupyterPath: string = join(packageRoot, 'src', 'notebook', 'jupyter');

/** The user's Jupyter data folder by Jupyter's own rules: JUPYTER_DATA_DIR, or the platform's place. */
export function userDataDir(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
  home: string = homedir(),
): string {
  if (env.JUPYTER_DATA_DIR) return env.JUPYTER_DATA_DIR;
  if (platform === 'darwin') return join(home, 'Library', 'Jupyter');
  if (platform === 'win32') return join(env.APPDATA ?? join(home, 'AppData', 'Roaming'), 'jupyter');
  return join(env.XDG_DATA_HOME ?? join(home, '.local', 'share'), 'jupyter');
}

/**
 * The folders in which kernelspecs are looked up, best first: the project's own, JUPYTER_PATH, the user's, the
 * system's.
 */
function jupyterPath(): string[] {
  const { env, platform } = process;
  const named = (env.JUPYTER_PATH ?? '').split(delimiter).filter((path) => path !== '');
  const system =
    platform === 'win32'
      ? [join(env.PROGRAMDATA ?? 'C:\\ProgramData', 'jupyter')]
      : ['/usr/local/share/jupyter', '/usr/share/jupyter'];
  return [projectJupyterPath, ...named, userDataDir(), ...system];
}

/** The kernel of notebooks that name none: this project's. */
export const USUAL_KERNEL = 'tslab';

/** A kernelspec: how Jupyter starts a kernel. */
export interface KernelSpec {
  /** The folder's name, which notebooks refer to. */
  name: string;
  file: string;
  argv: string[];
  display_name: string;
  language: string;
  interrupt_mode?: 'signal' | 'message';
  env?: Record<string, string>;
  /** `sparsebook`: the project that installed it; `ipc` if the kernel can open its sockets as files. */
  metadata?: { sparsebook?: { project?: string; transport?: string } };
}

const isText = (value: unknown): value is string => typeof value === 'string';

type Test = (value: unknown) => boolean;

const optional =
  (keeps: Test): Test =>
  (value) =>
    value === undefined || keeps(value);
const isCommand: Test = (value) => Array.isArray(value) && value.every(isText) && !['', undefined].includes(value[0]);

const rules: Record<string, [keeps: Test, rule: string]> = {
  argv: [isCommand, 'must name the command to start, as a list of texts'],
  display_name: [optional(isText), 'must be a text'],
  language: [optional(isText), 'must be a text'],
  interrupt_mode: [optional((value) => value === 'signal' || value === 'message'), "must be 'signal' or 'message'"],
  env: [optional((value) => isObject(value) && Object.values(value).every(isText)), 'must give each variable a text'],
  metadata: [optional(isObject), 'must be an object'],
};

/** A value of any type in at most 60 characters, for a message. */
export function shortened(value: unknown): string {
  try {
    const text = String(JSON.stringify(value));
    return text.length > 60 ? `${text.slice(0, 59)}…` : text;
  } catch {
    return 'a value that is nested without end';
  }
}

function isKernelName(name: unknown): name is string {
  return isText(name) && /^[\w.-]+$/.test(name) && !/^\.\.?$/.test(name);
}

/** Returns the name if it can name a kernel, and thus a folder; throws a UserError for anything else. */
export function checkedKernelName(name: unknown): string {
  if (isKernelName(name)) return name;
  throw new UserError(`a kernel's name must be made of letters, digits, '-', '.' and '_'; received ${shortened(name)}`);
}

/**
 * Reads the kernel.json of a kernelspec's folder; returns undefined if there is none. Throws a UserError if it is not
 * usable.
 */
export function readKernelSpec(folder: string, name: string): KernelSpec | undefined {
  const file = join(folder, 'kernel.json');
  if (!existsSync(file)) return undefined;
  try {
    const spec: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (!isObject(spec)) throw new Error('it must hold an object');
    for (const [key, [keeps, rule]] of Object.entries(rules)) {
      if (!keeps(spec[key])) throw new Error(`'${key}' ${rule}; received ${shortened(spec[key])}`);
    }
    return { display_name: name, language: '', ...(spec as Pick<KernelSpec, 'argv'>), name, file };
  } catch (error) {
    throw new UserError(`${file} is not a kernelspec: ${(error as Error).message}`);
  }
}

/** Lists every usable kernelspec below the given Jupyter paths; of those with the same name, the first one is used. */
export function listKernelSpecs(paths: string[] = jupyterPath()): KernelSpec[] {
  const folders = paths.map((path) => join(path, 'kernels')).filter((folder) => existsSync(folder));
  const usable = (folder: string, name: string): KernelSpec[] => {
    try {
      const spec = readKernelSpec(join(folder, name), name);
      return spec ? [spec] : [];
    } catch {
      return []; // it belongs to another program, and nobody asked for it
    }
  };
  return folders.flatMap((folder) =>
    readdirSync(folder)
      .filter(isKernelName)
      .sort()
      .flatMap((name) => usable(folder, name)),
  );
}

/**
 * Finds the kernelspec of this name. Throws a UserError if there is none (with the names that there are) or if it
 * cannot be a kernel's name.
 */
export function findKernelSpec(asked: unknown, paths: string[] = jupyterPath()): KernelSpec {
  const name = checkedKernelName(asked);
  for (const path of paths) {
    const spec = readKernelSpec(join(path, 'kernels', name), name);
    if (spec) return spec;
  }
  const names = new Set(listKernelSpecs(paths).map((spec) => spec.name));
  throw new UserError(`no kernel is named '${name}'; there are: ${[...names].join(', ')}`);
}

/** The command line of a kernelspec with its placeholders filled in. */
export function commandOf(spec: KernelSpec, connectionFile: string): string[] {
  const [program, ...args] = spec.argv.map((word) =>
    word.replaceAll('{connection_file}', connectionFile).replaceAll('{resource_dir}', dirname(spec.file)),
  );
  // The same Node that runs us, even if PATH would find another one.
  return [program === 'node' ? process.execPath : program, ...args];
}
