import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { pageProgram } from 'sparsebook/notebook/page/program.js';
import { renderReport } from 'sparsebook/notebook/report/renderReport.js';
import type { Cell, Metadata, Notebook, Output } from 'sparsebook/notebook/run/notebook.js';
import { payloads } from '../render/payloads.ts';
import { codeCell, notebookOf } from '../report/fixture.ts';

/** A cell of a notebook that runs in a page, with its saved outputs. */
export function cell(id: string, source: string, outputs: Output[] = [], metadata: Metadata = {}): Cell {
  return codeCell(source, { id, outputs, metadata });
}

export const printed = (...text: string[]): Output => ({ output_type: 'stream', name: 'stdout', text });

/** A figure as `sb.show` bundles it, without its image. */
export const figureOf = (y: number[], title: string): Output => ({
  output_type: 'display_data',
  data: {
    'application/vnd.plotly.v1+json': { data: [{ y }], layout: { title: { text: title } } },
    'text/plain': [title],
  },
  metadata: {},
});

/** A notebook with one cell for each ability of a page that runs. */
export const notebook: Notebook = notebookOf(
  { cell_type: 'markdown', id: 'title', metadata: {}, source: '# Squares' },
  cell(
    'parameters',
    "const n = 3; // how many, 1 to 10\nconst word = 'quiet'; // what the last cells do\nconst steps = [1, 2]; // a list",
    [],
    { tags: ['parameters'] },
  ),
  cell('squares', 'let squares = Array.from({ length: n }, (_, i) => i * i);\nconsole.log(squares.join(" "));', [
    printed('0 1 4\n'),
  ]),
  cell(
    'figure',
    `import * as sb from 'sparsebook';
const figure = (y: number[]) => ({ 'application/vnd.plotly.v1+json': { data: [{ y }], layout: { title: { text: 'Squares' } } }, 'text/plain': 'Squares' });
const shown = sb.display(figure([]));
for (const step of squares.keys()) {
  await new Promise((done) => setTimeout(done, 150));
  shown.update(figure(squares.slice(0, step + 1)));
}`,
    [figureOf([0, 1, 4], 'Squares')],
  ),
  cell('value', '({ squares, steps })', [
    {
      output_type: 'execute_result',
      execution_count: 4,
      data: { 'text/plain': ['{ squares: [ 0, 1, 4 ], steps: [ 1, 2 ] }'] },
      metadata: {},
    },
  ]),
  cell('kept', "sb.markdown`*kept* $n^2$`;\nconsole.error('aside');", [
    {
      output_type: 'display_data',
      data: { 'text/markdown': ['*kept* $n^2$'], 'text/plain': ['*kept* $n^2$'] },
      metadata: {},
    },
    { output_type: 'stream', name: 'stderr', text: ['aside\n'] },
  ]),
  cell('file', "import { readFileSync } from 'node:fs';\nconst text = readFileSync('x', 'utf8');", [
    printed('from a disk\n'),
  ]),
  cell('reader', 'console.log(text.length);', [printed('12\n')]),
  cell('late', "const os = await import('node:os');\nconsole.log(os.EOL, n);", [printed('late\n')]),
  cell('saved', "console.log(sb.savedOutput<{ a: number }>('squares', 'a.json')?.a, n);", [printed('1 3\n')]),
  cell(
    'word',
    // In a block: otherwise the code left running by an interrupted cell would see the variable of the next run.
    `{
  const asked = String(word);
  if (asked === 'fail') throw new TypeError('n is wrong');
  while (asked === 'wait') await new Promise((done) => setTimeout(done, 20));
  while (asked === 'deaf');
}
console.log(word);`,
    [printed('quiet\n')],
  ),
  cell('after', "console.log('after', word);", [printed('after quiet\n')]),
);

/** Has no parameters, and shows a run that is not in data/runs. */
export const plain = notebookOf(
  cell(
    'frame',
    "import * as sb from 'sparsebook';\nconsole.group('runs');\nconsole.groupEnd();\nsb.dataFrame([{ run: 'a', lambda: 1 }, { run: 'b' }])",
  ),
  cell('again', 'console.log(Math.random());', [
    {
      output_type: 'display_data',
      data: { 'text/plain': 'a run' },
      metadata: { sparsebook: { runs: [{ id: 'gone', name: 'tune 20' }] } },
    },
  ]),
);

/** Leaves background work that fails, and goes on. */
export const late = notebookOf(
  cell('parameters', 'const n = 3; // how many', [], { tags: ['parameters'] }),
  cell(
    'slow',
    `setTimeout(() => { throw new Error('late'); }, 50);
await new Promise((done) => setTimeout(done, 400));
let made = n;
console.log('made', made);`,
  ),
  cell('reads', "console.log('read', made);"),
);

/** An error that occurs if the parameter has its name, and what the page says about it. */
export const wrongs: [which: string, source: string, said: RegExp][] = [
  ['circle', 'const o: any = {}; o.self = o; sb.display({ "application/json": o });', /circular structure/],
  ['bigint', 'sb.display({ "application/json": { a: 10n } });', /BigInt/],
  ['odd', 'throw Object.assign(new Error(), { message: () => 1 });', /Function: message/],
  ['dropped', "void Promise.reject(new Error('left alone'));", /Error: left alone/],
  ['close', '(globalThis as any).close();', /cannot end what runs it/],
];

export const wrong = notebookOf(
  cell('parameters', "const which = 'nothing'; // what to do", [], { tags: ['parameters'] }),
  cell(
    'it',
    `import * as sb from 'sparsebook';\n${wrongs.map(([which, act]) => `if (which === '${which}') { ${act} }`).join('\n')}`,
  ),
);

/** Has parameters with values that are invalid, or need Node, or make an invisible cell fail. */
export const numbers = notebookOf(
  cell(
    'parameters',
    "const n = 1e21; // how many\nconst from = 'here'; // 'here' or 'disk'\nconst rate: number | 'auto' = 'auto'; // of learning",
    [],
    { tags: ['parameters'] },
  ),
  cell('kind', 'console.log(typeof n, n, typeof rate, rate);'),
  cell(
    'reads',
    "import * as sb from 'sparsebook';\nif (from === 'disk') await sb.loadData('cifar10');\nconsole.log('read');",
  ),
  cell('hidden', "if (n === 7) throw new Error('seven');", [], { tags: ['remove-cell'] }),
);

/** Trains a network with gates, and prints the SHA-256 of its weights. */
export const training: Notebook = notebookOf(
  cell('parameters', 'const lambda = 5; // weight of the L0 penalty, 1 to 10', [], { tags: ['parameters'] }),
  cell(
    'data',
    `import * as sb from 'sparsebook';
await sb.useBackend({ backend: 'simd', threads: 1 });
const images = await sb.loadData('synthetic', { sizes: { train: 48, validation: 16, test: 16 } });`,
  ),
  cell(
    'gated',
    `const gated = sb.experiment({
  network: { name: 'c3', width: 0.125 }, data: images, methods: { name: 'l0', lambda, lr_gates: 0.1 }, recipe: { epochs: 2, batch_size: 16 },
});
await sb.watch(gated);`,
  ),
  cell(
    'hash',
    `const { model } = await gated.network();
const weights = [...sb.namedWeights(model)].map(([name, weight]) =>
  [name, { shape: weight.shape as number[], values: weight.read().dataSync<'float32'>() }] as const);
const bytes = Uint8Array.from(sb.encodeSafetensors(new Map(weights)));
const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
console.log([...digest].map((byte) => byte.toString(16).padStart(2, '0')).join(''));`,
  ),
);

const display = (data: Record<string, unknown>): Output => ({ output_type: 'display_data', data, metadata: {} });

/** A notebook whose every part is a payload, which its cells display again when they run in the page. */
export const hostile = notebookOf(
  { cell_type: 'markdown', id: 'text', metadata: {}, source: payloads.join('\n\n') },
  cell(
    'parameters',
    payloads
      .map((payload, index) => `const p${index} = ${JSON.stringify(payload)}; // ${payload.replaceAll('\n', ' ')}`)
      .join('\n'),
    [],
    { tags: ['parameters'] },
  ),
  cell(
    'show',
    `import * as sb from 'sparsebook';
const payloads = ${JSON.stringify(payloads)};
for (const payload of [...payloads, p0]) {
  for (const type of ['text/html', 'text/markdown', 'text/plain']) sb.display({ [type]: payload });
}
sb.display({ 'image/svg+xml': '<svg xmlns="http://www.w3.org/2000/svg">' + payloads.join('') + '</svg>' });
sb.display({ 'application/vnd.plotly.v1+json': { data: [{ y: [1, 2], name: payloads.join('') }], layout: { title: { text: payloads.join(' ') } } }, 'text/plain': 'x' });`,
    payloads.flatMap((payload) => [display({ 'text/html': payload }), display({ 'text/markdown': payload })]),
  ),
  cell('throws', "// </script><script>hacked=1</script>\nconsole.log('</script><script>hacked=1</script>');"),
  cell(
    'breaks',
    `const tried = async (name: string, act: () => unknown) => {
  try { await act(); console.log(name + ': done'); } catch (error) { console.log(name + ': ' + (error as Error).name); }
};
const scope = globalThis as unknown as { importScripts(address: string): void; fetch(address: string): Promise<unknown> };
await tried('eval', () => (0, eval)('1'));
await tried('fetch', () => scope.fetch('https://elsewhere.example/'));
await tried('importScripts', () => scope.importScripts('https://elsewhere.example/x.js'));`,
    [],
  ),
);

/** Writes the page that runs a notebook of this name, with its saved output in `folder`. */
export async function writePage(folder: string, name: string, notebook: Notebook): Promise<void> {
  mkdirSync(join(folder, 'outputs', name), { recursive: true });
  writeFileSync(join(folder, 'outputs', name, 'a.json'), '{ "a": 1 }');
  const program = await pageProgram(notebook, name, folder);
  writeFileSync(join(folder, `${name}.html`), renderReport(notebook, { name, program }));
}

/** Sets a parameter as a user would. */
export async function setParameter(page: Page, name: string, value: string): Promise<void> {
  const box = page.locator(`#parameter-${name}`);
  await box.fill(value);
  await box.press('Tab');
}

/** Presses Run and waits for the end. */
export async function run(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  await ended(page);
}

export async function ended(page: Page): Promise<void> {
  await page.locator('.running').waitFor({ state: 'hidden', timeout: 120_000 });
}
