import { join } from 'node:path';
import vm from 'node:vm';
import type * as TypeScript from 'typescript';
import { toScript } from './cellScript.js';
import { cellSource, withNamedTypes } from './cellSource.js';
import { kernelTypeScript } from './compiler.js';
import { CompileError, rememberOrigin } from './failures.js';
import { LocalModules } from './imports.js';
import type { CellMetadata, Converted, TslabConverter } from './tslab.js';

export interface Cell {
  code: string;
  count: number;
  isCurrent: () => boolean;
  stopped: Promise<never>;
}

/** Compiles and runs cells in place of tslab's executor: their variables are properties of one object. */
export class CellExecutor {
  private readonly ts = kernelTypeScript();
  private readonly modules = new LocalModules(this.ts);
  private readonly variables: Record<string, unknown> = {};
  private readonly set = new Set<string>();
  private declarations = '';
  /** The file that cells are to have been written in: what they import is looked for beside it. */
  private readonly file: string;

  constructor(
    private readonly folder: string,
    private readonly converter: TslabConverter,
    private readonly metadataOf: (code: string) => CellMetadata,
  ) {
    this.file = join(folder, 'cell.ts');
    const kernel = {
      exports: this.exports(),
      require: this.modules.requireFrom(this.file),
      import: this.modules.import.bind(this.modules),
      meta: this.modules.meta.bind(this.modules),
    };
    Object.assign(globalThis, { __tslab__: kernel });
  }

  /** Runs a cell; resolves to the value of its last expression, which may be a promise. Throws what it throws, or CompileError. */
  async execute({ code, count, isCurrent, stopped }: Cell): Promise<{ value?: unknown }> {
    const metadata = this.metadataOf(code);
    if (metadata.mode === 'browser') return {};
    if (metadata.module !== undefined) return this.define(metadata.module, code, metadata);

    const { output, declOutput = '', lastExpressionVar } = this.compile(code);
    const script = toScript(this.ts, output, this.file, { lastValue: lastExpressionVar });
    const name = `cell ${count}`;
    rememberOrigin(name, {
      name: () => (isCurrent() ? 'cell' : name),
      // tslab puts a line before each cell.
      locate: (place) => {
        const found = script.locate(place);
        return found && { ...found, line: found.line - 1 };
      },
    });
    this.set.clear();
    let reached = false;
    try {
      this.modules.forgetChanged();
      await Promise.race([this.modules.prepare(script.imports, this.file), stopped]);
      const wrapped = `(async function (exports, require) {\n${script.code}\n})(__tslab__.exports, __tslab__.require)`;
      // An interrupt ends what the cell does before it first awaits; `stopped` ends the rest.
      const ended: unknown = vm.runInThisContext(wrapped, { filename: name, lineOffset: -1, breakOnSigint: true });
      await Promise.race([ended, stopped]);
      reached = true;
    } finally {
      const unset = new Set(reached ? [] : script.declares.filter((declared) => !this.set.has(declared)));
      this.declarations = keptDeclarations(this.ts, this.declarations, declOutput, unset);
    }
    if (lastExpressionVar === undefined) return {};
    const value = this.variables[lastExpressionVar];
    delete this.variables[lastExpressionVar];
    return { value };
  }

  inspect(code: string, position: number): unknown {
    return this.converter.inspect(this.declarations, code, position);
  }

  complete(code: string, position: number): unknown {
    return this.converter.complete(this.declarations, code, position);
  }

  private compile(code: string): Converted & { output: string } {
    const source = cellSource(this.ts, code, (name) => name in this.variables);
    let converted = this.converter.convert(this.declarations, source);
    const named = converted.diagnostics.length > 0 && withNamedTypes(this.ts, source, converted.diagnostics);
    if (named) converted = this.converter.convert(this.declarations, named);
    if (converted.diagnostics.length > 0) throw new CompileError(code, converted.diagnostics);
    return { ...converted, output: converted.output ?? '' };
  }

  private define(name: string, code: string, metadata: CellMetadata): object {
    const diagnostics = this.converter.addModule(name, code, metadata);
    this.modules.define(join(this.folder, `${name}.ts${metadata.jsx ? 'x' : ''}`), code);
    if (diagnostics.length > 0) throw new CompileError(code, diagnostics);
    return {};
  }

  /** The object that cells set their variables in. Imports are defined there as getters, which later cells could not assign to. */
  private exports(): object {
    return new Proxy(this.variables, {
      defineProperty: (variables, name, property) => {
        if (name === '__esModule') return true;
        variables[String(name)] = property.get ? property.get() : property.value;
        this.set.add(String(name));
        return true;
      },
    });
  }
}

/** The declarations after a cell that failed half-way: `next`, but from before for the names it did not reach. */
function keptDeclarations(ts: typeof TypeScript, previous: string, next: string, unset: ReadonlySet<string>): string {
  if (unset.size === 0) return next;
  return select(ts, next, (name) => !unset.has(name)) + select(ts, previous, (name) => unset.has(name));
}

function select(ts: typeof TypeScript, text: string, isWanted: (name: string) => boolean): string {
  const file = ts.createSourceFile('declarations.d.ts', text, ts.ScriptTarget.ESNext, true);
  const kept = file.statements.map((statement) => {
    const whole = statement.getText();
    if (ts.isVariableStatement(statement)) {
      const { declarations } = statement.declarationList;
      const wanted = declarations.filter((declaration) => isWanted(declaration.name.getText()));
      const keyword = text.slice(statement.getStart(), declarations[0].getStart());
      return wanted.length === 0 ? '' : `${keyword}${wanted.map((declaration) => declaration.getText()).join(', ')};`;
    }
    return namesOf(ts, statement).every(isWanted) ? whole : '';
  });
  return kept.filter((line) => line !== '').join('\n') + '\n';
}

function namesOf(ts: typeof TypeScript, statement: TypeScript.Statement): string[] {
  if (ts.isImportDeclaration(statement)) {
    const { name, namedBindings } = statement.importClause ?? {};
    const others = !namedBindings ? [] : ts.isNamespaceImport(namedBindings) ? [namedBindings] : namedBindings.elements;
    return [name?.text ?? [], others.map((other) => other.name.text)].flat();
  }
  const { name } = statement as TypeScript.Statement & { name?: TypeScript.Identifier };
  return name ? [name.text] : [];
}
