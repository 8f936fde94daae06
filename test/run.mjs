// Runs every *.test.ts below test/ (or those whose path contains one of the given words), one process per file.
//   node test/run.mjs              everything
//   node test/run.mjs l0 report    only files whose path contains "l0" or "report"
//   node test/run.mjs --goldens    only the golden tests
//   node test/run.mjs --quick      formats to sparsity, without goldens and tests that start processes: under a minute
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, sep } from 'node:path';
import { run } from 'node:test';
import report from './reporter.mjs';

const quick = process.argv.includes('--quick');
const words = process.argv
  .slice(2)
  .filter((word) => word !== '--quick')
  .map((word) => (word === '--goldens' ? '.golden.test.ts' : word));
const here = import.meta.dirname;
const modules = ['formats', 'data', 'graph', 'layers', 'models', 'sparsity'];
const isQuick = (name) =>
  modules.includes(name.split(sep)[0]) &&
  !name.endsWith('.golden.test.ts') &&
  !readFileSync(join(here, name), 'utf8').includes("'node:child_process'");
const files = readdirSync(here, { recursive: true })
  .filter((name) => name.endsWith('.test.ts') && !name.includes('fixtures'))
  .filter((name) => words.length === 0 || words.some((word) => join('test', name).includes(word)))
  .filter((name) => !quick || isQuick(name))
  .sort()
  .map((name) => join(here, name));
if (files.length === 0) {
  console.error(`no test file matches ${words.join(', ')}`);
  process.exit(1);
}
// The longest tests start first, so that none of them runs alone at the end.
const long = [
  'cli/runs',
  'cli/sweep',
  'experiments/sweep/bullmq/bullmq',
  'experiments/sweep/slurm/slurm',
  'notebooks/running',
];
long.push(...['display/cells', 'live/reading', 'page/page', 'run/runNotebook'].map((name) => `notebook/${name}`));
long.push('backend/conformance/conformance', 'backend/webgpu/webgpu', 'platform/package', 'torture/short');
const isLong = (file) => long.some((name) => file === join(here, `${name}.test.ts`));
const [first, rest] = [files.filter(isLong), files.filter((file) => !isLong(file))];
// Tests in the second half of the alphabet, of notebooks and servers, mostly wait; tests in the first half mostly
// compute.
const half = Math.ceil(rest.length / 2);
const mixed = rest.slice(0, half).flatMap((file, i) => [file, ...rest.slice(half + i, half + i + 1)]);

// More files run at once than there are cores: spinning threads of one file would delay the others. Tests that need
// threads set their number.
process.env.SPARSEBOOK_THREADS ??= '1';
// Hundreds of processes load the same libraries: Node's compiled code is cached, in the folder where the kernel caches
// it too.
process.env.NODE_COMPILE_CACHE = join(here, '..', 'dist', 'compile-cache');
// Before 22.18 Node runs no TypeScript by itself; the processes of the tests inherit the arguments of this one.
process.execArgv.push('--import', join(here, 'typescript.mjs'));

run({
  files: [...first, ...mixed],
  // Three more than there are cores, because tests of servers, kernels and sweeps mostly wait.
  concurrency: availableParallelism() + 3,
  timeout: 600_000, // a test that waits for ever is ended, and the others still run
})
  .on('test:fail', ({ todo }) => todo === undefined && (process.exitCode = 1))
  .compose(report)
  .pipe(process.stdout);
