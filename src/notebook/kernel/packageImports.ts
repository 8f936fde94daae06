import { createRequire, Module } from 'node:module';
import { pathToFileURL } from 'node:url';
import type * as TypeScript from 'typescript';

/** Node's own `import()`. */
export type Import = (name: string, options?: ImportCallOptions) => Promise<object>;

/** Node's own `import()`, as code in `file` calls it. */
export function importFrom(file: string): Import {
  // Code compiled by node:vm imports only under a warning that this is experimental.
  type Compiling = Module & { _compile(code: string, file: string): void };
  const module = new Module(file) as Compiling;
  module._compile('module.exports = (name, options) => import(name, options);', file);
  return module.exports as Import;
}

/** What `require` gives for a module, as `import()` gives it. */
export function namespaceOf(required: unknown): unknown {
  const isModule = typeof required === 'object' && required !== null && '__esModule' in required;
  return isModule ? required : { ...(required as object), default: required };
}

/** What `import()` gives for a module, as `require` gives it: marked as a module. */
function requiredOf(namespace: object): object {
  return new Proxy(namespace, {
    get: (target, name) => (name === '__esModule' ? true : (Reflect.get(target, name) as unknown)),
  });
}

/** Imports a package if code in `file` cannot `require` it: it has no entry for that, or awaits while it loads. Undefined otherwise. */
export async function importIfNeeded(
  ts: typeof TypeScript,
  name: string,
  file: string,
  load: Import,
): Promise<object | undefined> {
  const require = createRequire(file);
  let path: string;
  try {
    path = require.resolve(name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_PACKAGE_PATH_NOT_EXPORTED') return undefined;
    return requiredOf(await load(name));
  }
  const format = ts.getImpliedNodeFormatForFile(path, undefined, ts.sys, {
    moduleResolution: ts.ModuleResolutionKind.Node16,
  });
  if (format !== ts.ModuleKind.ESNext) return undefined;
  const namespace = await load(pathToFileURL(path).href);
  try {
    require(name);
    return undefined;
  } catch {
    return requiredOf(namespace);
  }
}
