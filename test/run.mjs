// Runs every *.test.ts below test/ (or those whose path contains one of the words given), one process a file.
//   node test/run.mjs              everything
//   node test/run.mjs l0 report    only files whose path contains "l0" or "report"
//   node test/run.mjs --goldens    only the golden tests
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { spawn } from 'node:child_process';

const words = process.argv.slice(2).map((word) => (word === '--goldens' ? '.golden.test.ts' : word));
const files = readdirSync(import.meta.dirname, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.test.ts') && !entry.parentPath.includes('fixtures'))
  .map((entry) => relative(process.cwd(), join(entry.parentPath, entry.name)))
  .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
  .sort();
if (files.length === 0) {
  console.error(`no test file matches ${words.join(', ')}`);
  process.exit(1);
}
// One more than there are cores, since tests of servers, kernels and sweeps mostly wait.
const atOnce = availableParallelism() + 1;
const child = spawn(
  process.execPath,
  [
    '--import',
    './test/typescript.mjs',
    '--test',
    `--test-concurrency=${atOnce}`,
    '--test-timeout=600000', // a test that waits for ever is ended, and the others run
    '--test-reporter=./test/reporter.mjs',
    ...files,
  ],
  {
    stdio: 'inherit',
    // Hundreds of processes load the same libraries: what Node compiles of them is kept, where the kernel keeps it too.
    env: { ...process.env, NODE_COMPILE_CACHE: join(process.cwd(), 'dist', 'compile-cache') },
  },
);
child.on('exit', (code, signal) => process.exit(signal ? 1 : code));
