import type * as TypeScript from 'typescript';
import { kernelTypeScript } from './kernelTypeScript.js';
import { replaceMethod } from './replaceMethod.js';
import type { Tslab } from './tslabInternals.js';

/**
 * Spells out the shorthand properties of a cell that stand for one of the names given: `{ model }` becomes
 * `{ model: model }`. Line numbers stay.
 */
export function spellOutShorthands(ts: typeof TypeScript, code: string, isName: (name: string) => boolean): string {
  const file = ts.createSourceFile('cell.ts', code, ts.ScriptTarget.ES2022, true);
  const shorthands: TypeScript.Identifier[] = [];
  const visit = (node: TypeScript.Node): void => {
    if (ts.isShorthandPropertyAssignment(node) && isName(node.name.text)) shorthands.push(node.name);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return shorthands.reduceRight(
    (text, { text: name, end }) => `${text.slice(0, end)}: ${name}${text.slice(end)}`,
    code,
  );
}

/**
 * Makes `{ model }` work where `model` comes from an earlier cell. tslab turns variables of earlier cells into
 * properties of its `exports`, but overlooks shorthand properties, which then throw "model is not defined".
 */
export function repairShorthands({ executor }: Tslab): void {
  replaceMethod(executor, 'createExecutor', (_self, createExecutor, ...args) => {
    const made = createExecutor(...args);
    const typescript = kernelTypeScript();
    replaceMethod(made, 'execute', (_made, execute, code) =>
      execute(spellOutShorthands(typescript, code, (name) => name in made.locals)),
    );
    return made;
  });
}
