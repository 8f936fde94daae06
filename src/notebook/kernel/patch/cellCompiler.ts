import type * as TypeScript from 'typescript';
import { REQUIRE, type Script, scoped, toScript } from './cellScript.js';
import { cellSource, withNamedTypes } from './cellSource.js';
import { accessorsOf } from '../cellVariables.js';
import { withNamespaces } from './declarations.js';
import { CompileError } from './failures.js';
import type { Converted, SourcePlace, TslabConverter } from './tslab.js';

/** The function that a cell's code calls first. */
const BIND = '__tslab_bind__';

/** A cell as JavaScript. */
export interface CompiledCell {
  script: Script;
  /**
   * An expression for a function of `require` that returns a function of the cell's `exports`, the compiler's `require`
   * and `bind` (`CellScope`).
   */
  code: string;
  /** The variable that receives the value of the cell's last expression. */
  lastValue: string | undefined;
  /** The declarations of all cells up to this one. */
  declarations: string;
}

/** Compiles cells one after another, each with the declarations of the cells before it, as in a REPL. */
export class CellCompiler {
  /** `file` is the file that cells are compiled as. */
  constructor(
    private readonly ts: typeof TypeScript,
    private readonly converter: TslabConverter,
    private readonly file: string,
  ) {}

  /**
   * Compiles a cell so that it can run; `isVariable` tells whether earlier cells have declared a name. Throws
   * CompileError.
   */
  compile(declarations: string, code: string, isVariable: (name: string) => boolean): CompiledCell {
    const {
      output = '',
      declOutput = '',
      lastExpressionVar,
      diagnostics,
    } = this.convert(declarations, code, isVariable);
    if (diagnostics.length > 0) throw new CompileError(code, diagnostics);
    const script = toScript(this.ts, output, this.file, { lastValue: lastExpressionVar });
    const assignable = script.assignable.filter((variable) => variable !== lastExpressionVar);
    const first = `"use strict"; ${BIND}(${accessorsOf(assignable)});`;
    return {
      script,
      code: scoped('require', true, `exports, ${REQUIRE}, ${BIND}`, script.code, first),
      lastValue: lastExpressionVar,
      declarations: withNamespaces(this.ts, declarations, declOutput),
    };
  }

  /** Converts a cell by tslab; the places in its diagnostics are those in the cell's own code. */
  convert(declarations: string, code: string, isVariable: (name: string) => boolean): Converted {
    const source = cellSource(this.ts, code, isVariable);
    const converted = this.converter.convert(declarations, source.text);
    if (converted.diagnostics.length === 0) return converted;
    const named = withNamedTypes(this.ts, source.text, converted.diagnostics);
    if (!named) return located(this.ts, code, converted, source.origin);
    const again = this.converter.convert(declarations, named.text);
    return located(this.ts, code, again, (offset) => source.origin(named.origin(offset)));
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
