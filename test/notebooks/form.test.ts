// The form of every notebook: its size, its settings, its code, and outputs that belong to that code.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import ts from 'typescript';
import { cellsOf, compilerErrors, type Cell } from './cells.ts';

const settings: Record<string, string> = {
  '01-l0-googlenet': 'lambda_l0 target_sparsity droprate_init lr_gates data seed',
  '02-ista-resnet20': 'l1_penalty weight_decay prune_steps width data seed',
  '03-repr-c3': 'S1 S2 epochs prune_ratio width lr seeds seed data',
  '04-freeze-prune-resnet18': 'shares far softmax_scale weights width data seed',
  '05-compare': 'left l1_penalties widths width epochs epochs_method lr data seed',
};

/** Shorthand properties that name a variable of an earlier cell: tslab without our patch cannot read them. */
function shorthands(cells: readonly Cell[]): string[] {
  const earlier = new Set<string>();
  return cells.flatMap(({ text }) => {
    const found: string[] = [];
    const file = ts.createSourceFile('cell.ts', text, ts.ScriptTarget.ESNext, true);
    const visit = (node: ts.Node): void => {
      if (ts.isShorthandPropertyAssignment(node) && earlier.has(node.name.text)) found.push(node.name.text);
      ts.forEachChild(node, visit);
    };
    visit(file);
    const names = (name: ts.BindingName): string[] =>
      ts.isIdentifier(name)
        ? [name.text]
        : name.elements.flatMap((element) => (ts.isOmittedExpression(element) ? [] : names(element.name)));
    for (const statement of file.statements.filter(ts.isVariableStatement)) {
      for (const { name } of statement.declarationList.declarations) names(name).forEach((each) => earlier.add(each));
    }
    return found;
  });
}

for (const [name, parameters] of Object.entries(settings)) {
  const cells = cellsOf(name);
  const code = cells.filter((cell) => cell.code);

  test(`${name} has at most 25 cells of at most 30 lines, its result in the first, its settings in the second, and no class`, () => {
    assert.ok(cells.length <= 25, `${cells.length} cells`);
    for (const { text } of cells) assert.ok(text.split('\n').length <= 30, text.slice(0, 60));
    assert.ok(cells[0].text.includes(`<!-- results: summary-${name.slice(0, 2)} -->`), 'no result in the first cell');
    assert.deepEqual(cells[1].tags, ['parameters']);
    for (const each of parameters.split(' ')) assert.match(cells[1].text, new RegExp(`^const ${each} = .* // `, 'm'));
    for (const { text } of code) assert.doesNotMatch(text, /\bclass\b/);
  });

  test(`${name} compiles as one program, and the kernel without our patch can read it`, () => {
    assert.deepEqual(compilerErrors(cells), []);
    assert.deepEqual(shorthands(code), []);
  });

  test(`${name} saves only files that git ignores when it runs`, () => {
    const files = code.flatMap(({ text }) => [...text.matchAll(/saveOutput\(\s*'([^']*)', '([^']*)'/g)]);
    for (const [, folder, file] of files) assert.deepEqual([folder, file], [name, 'results.json']);
    assert.match(readFileSync('.gitignore', 'utf8'), /^notebooks\/outputs\/\*\/results\.json$/m);
  });

  test(`${name} is saved as it ran: outputs of this very code, no error, no path of the machine it ran on`, () => {
    for (const { text, hash } of code) assert.equal(hash, createHash('sha256').update(text).digest('hex'), text);
    const saved = JSON.stringify(
      code.map((cell) => cell.outputs),
      (key, value: unknown) => (key === 'image/png' ? 'a PNG' : value),
    );
    assert.doesNotMatch(saved, /"output_type":"error"/);
    assert.match(saved, /a PNG/);
    assert.doesNotMatch(saved, /\/(?:tmp|home|root|work|Users)\/|\bNaN\b|undefined/);
  });
}

test('these checks find the faults they look for', () => {
  const cell = (text: string): Cell => ({ id: 'cell', code: true, text, tags: [], outputs: [] });
  const two = [cell('const [a, { b }] = [1, { b: 2 }];'), cell('const c = 3;\nconsole.log({ a: a, b }, { c });')];
  assert.deepEqual(shorthands(two), ['b']);
  const unknown = cell("import * as sb from 'sparsebook';\nsb.istaResnet18();");
  assert.match(compilerErrors([unknown]).join(), /istaResnet18/);
});
