import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import vm from 'node:vm';
import { CellCompiler } from './cellCompiler.js';
import { type CellScope, CellVariables, type Variable } from '../cellVariables.js';
import { kernelTypeScript } from './compiler.js';
import { declaredTypes, keptDeclarations } from './declarations.js';
import { CompileError, rememberOrigin } from './failures.js';
import { LocalModules } from './imports.js';
import type { CellMetadata, TslabConverter, TslabDiagnostic } from './tslab.js';
import { describeVariable } from './variables.js';

export interface Cell {
  code: string;
  /** Its name in the stack traces of later cells. */
  name: string;
  isCurrent: () => boolean;
  stopped: Promise<never>;
}

/** A cell's script, which first takes what its source calls `require`. */
type CellBody = (
  require: NodeJS.Require,
) => (exports: object, require: NodeJS.Require, bind: CellScope['bind']) => Promise<void>;

/** Compiles and runs cells in place of tslab's executor: their variables are properties of one object. */
export class CellExecutor {
  private readonly ts = kernelTypeScript();
  private readonly modules = new LocalModules(this.ts);
  private readonly compiler: CellCompiler;
  private readonly variables = new CellVariables();
  private declarations = '';
  /** The same, with those of the running cell. */
  private declared = '';
  /** The file that cells are compiled as: their imports are looked up beside it. */
  private readonly file: string;
  private readonly require: NodeJS.Require;
  private readonly isVariable = (name: string): boolean => Object.hasOwn(this.variables.values, name);

  constructor(
    private readonly folder: string,
    private readonly converter: TslabConverter,
    private readonly metadataOf: (code: string) => CellMetadata,
  ) {
    this.file = join(folder, 'cell.ts');
    this.compiler = new CellCompiler(this.ts, converter, this.file);
    this.require = this.modules.requireFrom(this.file);
    const { modules } = this;
    // The functions that scripts call; `run` is set for each cell.
    Object.assign(globalThis, {
      __tslab__: { import: modules.import.bind(modules), meta: modules.meta.bind(modules) },
    });
  }

  /**
   * Runs a cell; resolves to the value of its last expression, which may be a promise. Throws what the cell throws, or
   * CompileError.
   */
  async execute({ code, name, isCurrent, stopped }: Cell): Promise<{ value?: unknown }> {
    const metadata = this.metadataOf(code);
    if (metadata.mode === 'browser') return {};
    if (metadata.module !== undefined) return this.define(metadata.module, code, metadata);

    const compiled = this.compiler.compile(this.declarations, code, this.isVariable);
    const { script, declarations, lastValue } = compiled;
    rememberOrigin(name, {
      name: () => (isCurrent() ? 'cell' : name),
      // tslab puts a line before each cell.
      locate: (place) => {
        const found = script.locate(place);
        return found && { ...found, line: found.line - 1 };
      },
    });
    const scope = this.variables.scope(script.declares);
    this.declared = declarations;
    let reached = false;
    try {
      this.modules.forgetChanged();
      await Promise.race([this.modules.prepare(script.imports, this.file), stopped]);
      // An interrupt that came while the cell was compiled is handled now: Node removes the listeners in the next step.
      await Promise.race([nextTurn(), stopped]);
      const { require } = this;
      const run = (body: CellBody): Promise<void> => body(require)(scope.exports, require, scope.bind);
      Object.assign((globalThis as unknown as { __tslab__: object }).__tslab__, { run });
      const wrapped = `__tslab__.run${compiled.code}`;
      // An interrupt ends the part of the cell before its first await; `stopped` ends the rest.
      const ended: unknown = vm.runInThisContext(wrapped, { filename: name, lineOffset: -1, breakOnSigint: true });
      await Promise.race([ended, stopped]);
      scope.end();
      reached = true;
    } finally {
      const unset = new Set(reached ? [] : script.declares.filter((declared) => !scope.reached.has(declared)));
      this.declarations = this.declared = keptDeclarations(this.ts, this.declarations, declarations, unset);
    }
    if (lastValue === undefined) return {};
    const value = this.variables.values[lastValue];
    delete this.variables.values[lastValue];
    return { value };
  }

  inspect(code: string, position: number): unknown {
    return this.converter.inspect(this.declarations, code, position);
  }

  complete(code: string, position: number): unknown {
    return this.converter.complete(this.declarations, code, position);
  }

  /** Returns what the compiler finds wrong in the code of a next cell; nothing for a cell in browser mode. */
  diagnose(code: string): TslabDiagnostic[] {
    return this.metadataOf(code).mode === 'browser'
      ? []
      : this.compiler.convert(this.declarations, code, this.isVariable).diagnostics;
  }

  /** Lists the variables that the cells have set so far, without imports. */
  listVariables(): Variable[] {
    const types = declaredTypes(this.ts, this.declared);
    return [...types]
      .filter(([name]) => this.isVariable(name))
      .map(([name, type]) => describeVariable(name, type, this.variables.values[name]));
  }

  private define(name: string, code: string, metadata: CellMetadata): object {
    const diagnostics = this.converter.addModule(name, code, metadata);
    this.modules.define(join(this.folder, `${name}.ts${metadata.jsx ? 'x' : ''}`), code);
    if (diagnostics.length > 0) throw new CompileError(code, diagnostics);
    return {};
  }
}
