// The results that texts state, computed from the records. A text has marks around such a result,
//   <!-- results: NAME -->...<!-- /results -->
// and NAME is defined below. `npm run results` fills in the text between the marks of `pages` and of notebooks.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunRecord } from 'sparsebook/experiments/run/record.js';
import type { SavedSweep } from 'sparsebook/experiments/results/runHistory.js';
import { publishedL0 } from 'sparsebook/experiments/results/published.js';
import {
  differenceOf,
  groupRecords,
  meanInterval,
  wilsonInterval,
  type MeanInterval,
  type RecordGroup,
  type SomeRecord,
} from 'sparsebook/experiments/results/tables.js';
import { cellsOf } from './cells.ts';

const recordsIn = (file: string): SavedSweep['records'] =>
  (JSON.parse(readFileSync(join('notebooks', 'outputs', file), 'utf8')) as SavedSweep).records;

const inPercent = (share: number): string => (100 * share).toFixed(1).replace('-', '−');

/** Wilson's 95 % interval over the images of a test accuracy. */
const overImages = ({ accuracy, images }: NonNullable<RunRecord['test']>): string =>
  wilsonInterval(accuracy, images).map(inPercent).join(' to ');

const singleTest = (test: NonNullable<RunRecord['test']>): string =>
  `${inPercent(test.accuracy)} % (${overImages(test)})`;

function withInterval({ n, mean, halfWidth }: MeanInterval, unit: string): string {
  if (n === 0 || halfWidth === null) throw new Error(`an interval over seeds needs several runs; there are ${n}`);
  return `${inPercent(mean)} ± ${inPercent(halfWidth)} ${unit} (n = ${n})`;
}

/**
 * The test accuracy of a group of runs: their mean, its 95 % interval over seeds, and n; or of a single run, with the
 * interval over its images.
 */
function accuracyOf({ records, test }: RecordGroup<SomeRecord>): string {
  const [first] = records as RunRecord[];
  return test.n === 1 && first.test ? singleTest(first.test) : withInterval(test, '%');
}

/** The test accuracy of the runs of a name. */
function accuracy(file: string, name: string): string {
  const group = groupRecords(recordsIn(file)).find((each) => each.name === name);
  if (!group) throw new Error(`${file} has no run '${name}'`);
  return accuracyOf(group);
}

/** By how much the test accuracy of one name exceeds that of another, seed by seed. */
const difference = (file: string, name: string, from: string): string =>
  withInterval(differenceOf(recordsIn(file), name, from), 'points');

/** A table in Markdown, apart from the text around it. */
function table(head: readonly string[], rows: readonly string[][]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return ['', '', line(head), line(head.map(() => '---')), ...rows.map(line), '', ''].join('\n');
}

/**
 * Runs with gates beside the published runs with the same lambda or sparsity: test accuracy with its interval, over
 * seeds or over the images of a single run, and the share removed.
 */
function gatesTable(file: string): string {
  const groups = groupRecords(recordsIn(file) as RunRecord[]);
  const lambdas = [10, 20, 30, 50].map((lambda) => ({
    run: `tune ${lambda}`,
    label: `${lambda}`,
    of: `tune ${lambda}`,
  }));
  const targets = [0.1, 0.39, 0.64, 0.815].map((share, i) => ({
    run: `target ${share}`,
    label: `\`target_sparsity=${share}\``,
    of: lambdas[i].run,
  }));
  const rows = [{ run: 'no gates', label: 'without gates', of: 'no gates' }, ...lambdas, ...targets];
  const cells = rows.map(({ run, label, of }): string[] => {
    const group = groups.find(({ name }) => name === run);
    const theirs = publishedL0.find((published) => published.run === of)!;
    const gone = meanInterval(group?.records.map(({ sparsity }) => sparsity.complete) ?? []).mean;
    return [
      label,
      group ? accuracyOf(group) : 'not run',
      group ? `${Math.round(100 * gone)} %` : '',
      `${inPercent(theirs.test)} % at ${Math.round(100 * theirs.sparsity)} %`,
    ];
  });
  const head = ['`lambda_l0`', 'test accuracy (95 % interval)', 'parameters gone', 'published, up to 180 epochs'];
  return table(head, cells);
}

/** Each group of a sweep beside its first one: test accuracy, and the difference between them, seed by seed. */
function besideTheFirst(file: string): string {
  const records = recordsIn(file);
  const groups = groupRecords(records);
  const first = groups[0].name;
  const rows = groups.map((group, i) => [
    group.name,
    accuracyOf(group),
    i === 0 ? '' : withInterval(differenceOf(records, group.name, first), 'points'),
  ]);
  return table(['runs', 'test accuracy', `difference from _${first}_`], rows);
}

/** The test accuracy of each group of a sweep. */
const accuracies = (file: string): string =>
  table(
    ['runs', 'test accuracy'],
    groupRecords(recordsIn(file)).map((group) => [group.name, accuracyOf(group)]),
  );

/** The test accuracy of a single run, with the 95 % interval over its images, and over mirrored views. */
function singleRun(file: string): string {
  const { test, test_tta } = JSON.parse(readFileSync(join('notebooks', 'outputs', file), 'utf8')) as RunRecord;
  if (!test || !test_tta) throw new Error(`${file} has no test accuracy of both kinds`);
  return `${inPercent(test.accuracy)} % (n = 1; ${overImages(test)} over ${test.images} images; ${inPercent(test_tta.accuracy)} % averaged over mirror images)`;
}

/** The last table of a notebook's cell `summary`, as saved: the first thing that the notebook shows. */
function summaryOf(notebook: string): string {
  const { outputs = [] } = cellsOf(notebook).find(({ id }) => id === 'summary') ?? {};
  const tables = (outputs as { data?: Record<string, string | string[]> }[]).flatMap(({ data }) =>
    data?.['text/html'] ? [data['text/markdown']].flat().join('') : [],
  );
  const table = tables.at(-1);
  if (!table) throw new Error(`${notebook} has no cell 'summary' that shows a table`);
  return `\n\n${table}\n\n`;
}

/** `summary-01` is the table of notebook 01. */
const summaries = readdirSync('notebooks')
  .filter((file) => /^\d\d-.*\.ipynb$/.test(file))
  .map((file): [string, () => string] => [`summary-${file.slice(0, 2)}`, () => summaryOf(file.replace('.ipynb', ''))]);

const [repr, resnet18] = ['03-repr-c3/runs-cifar10.json', '04-freeze-prune-resnet18/sweep-cifar10.json'];
const resnet20 = '05-compare/compare-resnet20.json';

/** The text between the marks, by name. */
export const results: Readonly<Record<string, () => string>> = {
  ...Object.fromEntries(summaries),
  'gates-cifar10': () => gatesTable('01-l0-googlenet/full-cifar10.json'),
  'googlenet-dense': () => singleRun('01-l0-googlenet/pretrained-cifar10-record.json'),
  'recipe-ablation': () => besideTheFirst('recipe/ablation-cifar10.json'),
  'recipe-optimizers': () => accuracies('recipe/optimizers-cifar10.json'),
  'repr-crop': () => difference(repr, 'RePr, crop', 'standard, crop'),
  'repr-no-crop': () => difference(repr, 'RePr, no crop', 'standard, no crop'),
  'repr-overfitting': () => difference('03-repr-c3/overfitting-cifar10.json', 'RePr', 'standard'),
  'resnet20-dense': () => accuracy(resnet20, 'dense, trained on'),
  'resnet20-l0': () => accuracy(resnet20, 'L0 gates l0.target_sparsity=0.6'),
  'resnet20-weights': () => accuracy(resnet20, 'magnitude of weights magnitude.prune=0.6'),
  'resnet20-channels': () => accuracy(resnet20, 'magnitude of channels magnitude.prune=0.6'),
  'resnet20-narrower': () => accuracy(resnet20, 'narrower network width=0.63'),
  'resnet18-whole': () => accuracy(resnet18, 'trained on of fine-tuned'),
  'resnet18-pruned-70': () => accuracy(resnet18, 'prune 70 % of fine-tuned'),
  'resnet18-pruned-95': () => accuracy(resnet18, 'prune 95 % of fine-tuned'),
};

/** The pages, except for notebooks, that have such marks. */
export const pages: readonly string[] = ['README.md', 'docs/recipe.md'];

const mark = /<!-- results: ([^>]*?) -->([\s\S]*?)<!-- \/results -->/g;

/** The results between marks in a text: their names and contents. */
export const markedResults = (text: string): { name: string; said: string }[] =>
  [...text.matchAll(mark)].map(([, name, said]) => ({ name, said }));

/** A text with the records' results between its marks. Throws for an unknown name. */
export const filled = (text: string): string =>
  text.replaceAll(mark, (_, name: string) => {
    if (!(name in results)) throw new Error(`no records are known for the result '${name}'`);
    return `<!-- results: ${name} -->${results[name]()}<!-- /results -->`;
  });

/**
 * Numbers in percent or points that a text states outside marks and code, except for `stated` ones, each with its line.
 */
export function unmarkedResults(text: string, stated: readonly string[] = []): string[] {
  const prose = text
    .replaceAll(mark, '')
    .replaceAll(/^```[\s\S]*?^```/gm, '')
    .replaceAll(/`[^`\n]*`/g, '');
  const rest = stated.reduce((left, words) => left.replaceAll(words, ''), prose.replaceAll(/95 % intervals?/g, ''));
  return rest.split('\n').filter((line) => /\d ?\\?%|±\s*\d|\d points?\b/.test(line));
}
