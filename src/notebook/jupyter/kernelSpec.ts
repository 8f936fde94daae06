import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { UserError } from '../../errors.js';
import { jupyterPath } from './jupyterPaths.js';

/** The kernel of notebooks that name none: this project's. */
export const USUAL_KERNEL = 'tslab';

/** A kernelspec: how Jupyter is told to start a kernel. */
export interface KernelSpec {
  /** The folder's name, which notebooks refer to. */
  name: string;
  /** The kernel.json it was read from. */
  file: string;
  argv: string[];
  display_name: string;
  language: string;
  interrupt_mode?: 'signal' | 'message';
  env?: Record<string, string>;
  metadata?: Record<string, unknown>;
}

/** Reads the kernel.json of a kernelspec's folder; undefined when there is none, UserError when it is not usable. */
export function readKernelSpec(folder: string, name: string): KernelSpec | undefined {
  const file = join(folder, 'kernel.json');
  if (!existsSync(file)) return undefined;
  try {
    const spec = JSON.parse(readFileSync(file, 'utf8')) as KernelSpec;
    if (!Array.isArray(spec.argv) || spec.argv.length === 0) throw new Error("'argv' must name the command to start");
    return { ...spec, name, file };
  } catch (error) {
    throw new UserError(`${file} is not a kernelspec: ${(error as Error).message}`);
  }
}

/** Every kernelspec below the given Jupyter paths; of those with the same name the first is the one that is used. */
export function listKernelSpecs(paths: string[] = jupyterPath()): KernelSpec[] {
  const folders = paths.map((path) => join(path, 'kernels')).filter((folder) => existsSync(folder));
  return folders.flatMap((folder) =>
    readdirSync(folder)
      .sort()
      .flatMap((name) => readKernelSpec(join(folder, name), name) ?? []),
  );
}

/** The kernelspec of that name; throws UserError with the names there are. */
export function findKernelSpec(name: string, paths: string[] = jupyterPath()): KernelSpec {
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
  // The same Node that runs us, also where PATH would find another one.
  return [program === 'node' ? process.execPath : program, ...args];
}
