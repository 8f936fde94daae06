import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import vm from 'node:vm';
import type * as TypeScript from 'typescript';
import { REQUIRE, scoped, toScript } from './cellScript.js';
import { cellSource, withNamedTypes } from './cellSource.js';
import { accessorsOf, type CellScope, CellVariables } from './cellVariables.js';
import { kernelTypeScript } from './compiler.js';
import { declaredTypes, keptDeclarations, withNamespaces } from './declarations.js';
import { CompileError, rememberOrigin } from './failures.js';
import { LocalModules } from './imports.js';
import type { CellMetadata, Converted, SourcePlace, TslabConverter, TslabDiagnostic } from './tslab.js';
import { describeVariable, type VariableInfo } from './variables.js';

export interface Cell {
  code: string;
  /** What stack traces of later cells call it. */
  name: string;
  isCurrent: () => boolean;
  stopped: Promise<never>;
}

/** A cell's script, first given what its source calls `require`. */
type CellBody = (
  require: NodeJS.Require,
) => (exports: object, require: NodeJS.Require, bind: CellScope['bind']) => Promise<void>;

/** What a cell's script calls first. */
const BIND = '__tslab_bind__';

/** Compiles and runs cells in place of tslab's executor: their variables are properties of one object. */
export class CellExecutor {
  private readonly ts = kernelTypeScript();
  private readonly modules = new LocalModules(this.ts);
  private readonly variables = new CellVariables();
  private declarations = '';
  /** The same, with those of the cell that runs. */
  private declared = '';
  /** The file that cells are to have been written in: what they import is looked for beside it. */
  private readonly file: string;
  private readonly require: NodeJS.Require;

  constructor(
    private readonly folder: string,
    private readonly converter: TslabConverter,
    private readonly metadataOf: (code: string) => CellMetadata,
  ) {
    this.file = join(folder, 'cell.ts');
    this.require = this.modules.requireFrom(this.file);
    const { modules } = this;
    // What scripts call; `run` comes with each cell.
    Object.assign(globalThis, {
      __tslab__: { import: modules.import.bind(modules), meta: modules.meta.bind(modules) },
    });
  }

  /** Runs a cell; resolves to the value of its last expression, which may be a promise. Throws what it throws, or CompileError. */
  async execute({ code, name, isCurrent, stopped }: Cell): Promise<{ value?: unknown }> {
    const metadata = this.metadataOf(code);
    if (metadata.mode === 'browser') return {};
    if (metadata.module !== undefined) return this.define(metadata.module, code, metadata);

    const { output = '', declOutput = '', lastExpressionVar, diagnostics } = this.compile(code);
    if (diagnostics.length > 0) throw new CompileError(code, diagnostics);
    const declarations = withNamespaces(this.ts, this.declarations, declOutput);
    const script = toScript(this.ts, output, this.file, { lastValue: lastExpressionVar });
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
      // An interrupt that came while the cell was compiled is heard now: Node takes the listeners off in the next step.
      await Promise.race([nextTurn(), stopped]);
      const { require } = this;
      const run = (body: CellBody): Promise<void> => body(require)(scope.exports, require, scope.bind);
      Object.assign((globalThis as unknown as { __tslab__: object }).__tslab__, { run });
      const assignable = script.assignable.filter((variable) => variable !== lastExpressionVar);
      const first = `"use strict"; ${BIND}(${accessorsOf(assignable)});`;
      const wrapped = `__tslab__.run${scoped('require', true, `exports, ${REQUIRE}, ${BIND}`, script.code, first)}`;
      // An interrupt ends what the cell does before it first awaits; `stopped` ends the rest.
      const ended: unknown = vm.runInThisContext(wrapped, { filename: name, lineOffset: -1, breakOnSigint: true });
      await Promise.race([ended, stopped]);
      reached = true;
    } finally {
      const unset = new Set(reached ? [] : script.declares.filter((declared) => !scope.reached.has(declared)));
      this.declarations = this.declared = keptDeclarations(this.ts, this.declarations, declarations, unset);
    }
    if (lastExpressionVar === undefined) return {};
    const value = this.variables.values[lastExpressionVar];
    delete this.variables.values[lastExpressionVar];
    return { value };
  }

  inspect(code: string, position: number): unknown {
    return this.converter.inspect(this.declarations, code, position);
  }

  complete(code: string, position: number): unknown {
    return this.converter.complete(this.declarations, code, position);
  }

  /** What the compiler finds wrong in the code of a next cell; one of a browser is none of ours. */
  diagnose(code: string): TslabDiagnostic[] {
    return this.metadataOf(code).mode === 'browser' ? [] : this.compile(code).diagnostics;
  }

  /** What the cells so far have set, without what they import. */
  listVariables(): VariableInfo[] {
    const types = declaredTypes(this.ts, this.declared);
    return [...types]
      .filter(([name]) => name in this.variables.values)
      .map(([name, type]) => describeVariable(name, type, this.variables.values[name]));
  }

  /** Compiles a cell; the places of what is wrong are those in its code. */
  private compile(code: string): Converted {
    const source = cellSource(this.ts, code, (name) => name in this.variables.values);
    const converted = this.converter.convert(this.declarations, source.text);
    if (converted.diagnostics.length === 0) return converted;
    const named = withNamedTypes(this.ts, source.text, converted.diagnostics);
    if (!named) return located(this.ts, code, converted, source.origin);
    const again = this.converter.convert(this.declarations, named.text);
    return located(this.ts, code, again, (offset) => source.origin(named.origin(offset)));
  }

  private define(name: string, code: string, metadata: CellMetadata): object {
    const diagnostics = this.converter.addModule(name, code, metadata);
    this.modules.define(join(this.folder, `${name}.ts${metadata.jsx ? 'x' : ''}`), code);
    if (diagnostics.length > 0) throw new CompileError(code, diagnostics);
    return {};
  }
}

function located(
  ts: typeof TypeScript,
  code: string,
  converted: Converted,
  origin: (offset: number) => number,
): Converted {
  const file = ts.createSourceFile('cell.ts', code, ts.ScriptTarget.ESNext);
  const placeOf = ({ offset }: SourcePlace): SourcePlace => {
    const before = origin(offset);
    return { offset: before, ...file.getLineAndCharacterOfPosition(before) };
  };
  const diagnostics = converted.diagnostics.map((found) =>
    found.fileName === undefined ? { ...found, start: placeOf(found.start), end: placeOf(found.end) } : found,
  );
  return { ...converted, diagnostics };
}
