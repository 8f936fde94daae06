import { statSync } from 'node:fs';
import { createRequire, isBuiltin, Module } from 'node:module';
import { dirname, isAbsolute } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import vm from 'node:vm';
import type * as TypeScript from 'typescript';
import { REQUIRE, type Script, scoped, toScript } from './cellScript.js';
import { cellLanguage } from './compiler.js';
import { rememberOrigin } from './failures.js';

interface LocalModule {
  script: Script;
  /** When the file was last changed; 0 for a cell's own module. */
  changed: number;
  exports: unknown;
  started: boolean;
}

/**
 * Loads what cells import: files, wherever they are, which are compiled like cells, and packages, by Node. A file that
 * has changed is read again when the next cell runs.
 */
export class LocalModules {
  private readonly modules = new Map<string, LocalModule>();
  /** Modules that cells define (`@module`). */
  private readonly defined = new Map<string, string>();
  /** Packages that only `import()` can load, by name and importing folder. */
  private readonly imported = new Map<string, unknown>();

  constructor(private readonly ts: typeof TypeScript) {}

  define(path: string, source: string): void {
    this.defined.set(path, source);
    this.modules.delete(path);
  }

  /** Forgets the files that have changed, and the files that import them. */
  forgetChanged(): void {
    const stale = new Set<string>();
    for (const [path, { changed }] of this.modules) if (changed !== changeOf(path)) stale.add(path);
    for (let before = 0; before !== stale.size;) {
      before = stale.size;
      for (const [path, { script }] of this.modules) {
        if (script.imports.some((name) => stale.has(this.find(name, path) ?? ''))) stale.add(path);
      }
    }
    for (const path of stale) this.modules.delete(path);
  }

  /**
   * Loads in advance what a script in `file` cannot load while it runs: scripts use `require`, which loads neither
   * modules that await nor packages that only `import` finds.
   */
  async prepare(imports: string[], file: string, seen = new Set<string>()): Promise<void> {
    for (const name of imports) {
      const path = this.find(name, file);
      if (path === undefined) await this.preparePackage(name, file);
      else if (!seen.has(path) && !path.endsWith('.json')) {
        seen.add(path);
        const module = this.compiled(path);
        await this.prepare(module.script.imports, path, seen);
        if (module.script.awaits) await this.run(path, module);
      }
    }
  }

  requireFrom(file: string): NodeJS.Require {
    const required = createRequire(file);
    const require = (name: string): unknown => {
      const path = this.find(name, file);
      if (path !== undefined) return this.load(path);
      const imported = this.imported.get(key(name, file));
      // There must be only one tslab: the running one.
      return imported ?? (name === 'tslab' ? createRequire(import.meta.url)(name) : required(name));
    };
    return Object.assign(require, required);
  }

  /** Does what `import()` does in code of `file`. */
  async import(file: string, name: string, options?: ImportCallOptions): Promise<unknown> {
    const path = this.find(name, file);
    if (path === undefined && name !== 'tslab') return importFrom(file)(name, options);
    await this.prepare([name], file);
    return namespaceOf(this.requireFrom(file)(name));
  }

  meta(file: string): ImportMeta {
    const url = pathToFileURL(file).href;
    const resolve = (name: string): string => {
      if (isBuiltin(name)) return name.startsWith('node:') ? name : `node:${name}`;
      if (/^\.{0,2}\/|^\w\w+:/.test(name)) return new URL(name, url).href;
      return pathToFileURL(createRequire(file).resolve(name)).href;
    };
    return { url, filename: file, dirname: dirname(file), resolve };
  }

  /** Returns the file that a name refers to; undefined for packages, and for files with declarations of their own. */
  private find(name: string, file: string): string | undefined {
    const wanted = name.startsWith('file:') && !/[?#]/.test(name) ? fileURLToPath(name) : name;
    if (!/^\.{1,2}(\/|$)/.test(wanted) && !isAbsolute(wanted)) return undefined;
    const { sys } = this.ts;
    const host = { ...sys, fileExists: (path: string) => this.defined.has(path) || sys.fileExists(path) };
    const { resolvedModule } = this.ts.resolveModuleName(wanted, file, cellLanguage(this.ts), host);
    const found = resolvedModule?.resolvedFileName;
    return found === undefined || /\.d\.[cm]?ts$/.test(found) ? undefined : found;
  }

  private compiled(path: string): LocalModule {
    let module = this.modules.get(path);
    if (!module) {
      const source = this.defined.get(path) ?? this.ts.sys.readFile(path) ?? '';
      const script = path.endsWith('.json') ? jsonScript(source) : toScript(this.ts, source, path);
      rememberOrigin(path, { name: () => path, locate: script.locate });
      this.modules.set(path, (module = { script, changed: changeOf(path), exports: {}, started: false }));
    }
    return module;
  }

  private load(path: string): unknown {
    const module = this.compiled(path);
    void this.run(path, module);
    return module.exports;
  }

  /** Runs a module that has not run; asynchronous only if it awaits. */
  private run(path: string, module: LocalModule): unknown {
    if (module.started) return undefined;
    module.started = true;
    const { code, awaits } = module.script;
    type Wrapper = (...given: unknown[]) => (exports: unknown, require: NodeJS.Require) => unknown;
    const wrapped = scoped('require, module, __filename, __dirname', awaits, `exports, ${REQUIRE}`, code);
    const wrapper = vm.runInThisContext(wrapped, { filename: path, lineOffset: -1 }) as Wrapper;
    const require = this.requireFrom(path);
    try {
      return wrapper(require, module, path, dirname(path)).call(module.exports, module.exports, require);
    } catch (error) {
      this.modules.delete(path);
      throw error;
    }
  }

  private async preparePackage(name: string, file: string): Promise<void> {
    if (isBuiltin(name) || name === 'tslab') return;
    const imported = await importIfNeeded(this.ts, name, file);
    if (imported) this.imported.set(key(name, file), imported);
  }
}

function key(name: string, file: string): string {
  return `${dirname(file)}\n${name}`;
}

function changeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function jsonScript(source: string): Script {
  const code = `module.exports = JSON.parse(${JSON.stringify(source)});`;
  return { code, imports: [], awaits: false, declares: [], assignable: [], locate: () => undefined };
}

type Import = (name: string, options?: ImportCallOptions) => Promise<object>;

/** Node's own `import()`, as code in `file` calls it. */
function importFrom(file: string): Import {
  // In code compiled by node:vm, `import()` prints a warning that it is experimental.
  type Compiling = Module & { _compile(code: string, file: string): void };
  const module = new Module(file) as Compiling;
  module._compile('module.exports = (name, options) => import(name, options);', file);
  return module.exports as Import;
}

/** Converts what `require` returns for a module to what `import()` returns. */
function namespaceOf(required: unknown): unknown {
  const isModule = typeof required === 'object' && required !== null && '__esModule' in required;
  return isModule ? required : { ...(required as object), default: required };
}

/** Converts what `import()` returns for a module to what `require` returns: marked as a module. */
function requiredOf(namespace: object): object {
  return new Proxy(namespace, {
    get: (target, name) => (name === '__esModule' ? true : (Reflect.get(target, name) as unknown)),
  });
}

/**
 * Imports a package if code in `file` cannot `require` it, because it has no entry for that or awaits while it loads.
 * Returns undefined otherwise.
 */
async function importIfNeeded(ts: typeof TypeScript, name: string, file: string): Promise<object | undefined> {
  const require = createRequire(file);
  const load = importFrom(file);
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
