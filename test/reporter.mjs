// Prints a run of the tests: a line for each file, a line for each module, and the failures in full at the end.
import { inspect } from 'node:util';
import { relative, resolve, sep } from 'node:path';

const seconds = (milliseconds) => `${(milliseconds / 1000).toFixed(1)} s`;

/** The name of a test file: "sparsity/l0" for test/sparsity/l0.test.ts. */
const nameOf = (file) =>
  relative(import.meta.dirname, file)
    .replaceAll(sep, '/')
    .replace(/\.test\.ts$/, '');

/** A name without the project's folder: a file that cannot be loaded fails under its path. */
const withoutFolder = (name) => name.replace(process.cwd() + sep, '');

const counted = (tests, failed) =>
  `${tests} ${tests === 1 ? 'test' : 'tests'}${failed > 0 ? `, ${failed} failed` : ''}`;

/** The text of a failed test, as Node's own reporter shows it. */
function failureText({ name, file, line, column, details }) {
  const { error, duration_ms } = details;
  const cause = error?.code === 'ERR_TEST_FAILURE' ? (error.cause ?? error) : error;
  const text = inspect(cause, { depth: 5 }).replaceAll('\n', '\n  ');
  return `test at ${relative(process.cwd(), file ?? '')}:${line}:${column}\n✖ ${withoutFolder(name)} (${seconds(duration_ms)})\n  ${text}\n\n`;
}

export default async function* report(events) {
  const files = new Map();
  const failures = [];
  const began = performance.now();
  let skipped = 0;
  const of = (named) => {
    const file = resolve(named ?? 'elsewhere');
    if (!files.has(file)) files.set(file, { name: nameOf(file), tests: 0, failed: 0, time: 0, said: '', told: false });
    return files.get(file);
  };
  function* tell(file) {
    if (file.told || file.tests === 0) return;
    file.told = true;
    yield `${file.failed > 0 ? '✖' : '✔'} ${file.name}: ${counted(file.tests, file.failed)}, ${seconds(file.time)}\n`;
  }
  for await (const { type, data } of events) {
    const file = of(data.file);
    if (type === 'test:stdout' || type === 'test:stderr') file.said += data.message;
    else if (type === 'test:summary' && data.file) yield* tell(file);
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const { details, skip } = data;
    if (details.type !== 'suite') file.tests++;
    if (data.nesting === 0) file.time += details.duration_ms;
    if (skip !== undefined) {
      skipped++;
      yield `  skipped: ${data.name}${typeof skip === 'string' ? `: ${skip}` : ''}\n`;
    }
    // A suite, or a test around a failed one, fails with it and has no error of its own.
    if (type !== 'test:fail' || data.todo !== undefined || details.error?.failureType === 'subtestsFailed') continue;
    file.failed++;
    failures.push(data);
    yield `✖ ${withoutFolder(data.name)}\n`;
  }
  // Before Node 22 there is no event for the end of a file.
  for (const file of files.values()) yield* tell(file);
  const modules = new Map();
  for (const file of files.values()) {
    const module = file.name.split('/')[0];
    if (file.told) modules.set(module, [...(modules.get(module) ?? []), file]);
  }
  yield '\n';
  let [tests, failed] = [0, 0];
  for (const [module, within] of [...modules].sort()) {
    const sum = (what) => within.reduce((total, file) => total + file[what], 0);
    yield `${module}: ${counted(sum('tests'), sum('failed'))}\n`;
    tests += sum('tests');
    failed += sum('failed');
  }
  yield `\n${tests} tests: ${tests - failed - skipped} passed, ${failed} failed, ${skipped} skipped; `;
  yield `${seconds(performance.now() - began)}\n`;
  if (failures.length > 0) yield '\n✖ failing tests:\n\n';
  for (const failure of failures) {
    yield failureText(failure);
    // The output of its process may arrive after its end.
    yield `${of(failure.file).said.split('\n').slice(-40).join('\n').trim()}\n\n`;
  }
}
