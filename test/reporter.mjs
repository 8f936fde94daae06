// What a run of the tests prints: a line for each file, below the module it tests; what failed, in full, at the end.
import { inspect } from 'node:util';
import { relative, resolve, sep } from 'node:path';

const seconds = (milliseconds) => `${(milliseconds / 1000).toFixed(1)} s`;

/** The module and the name that a test file goes by: "sparsity" and "l0" of test/sparsity/l0.test.ts. */
function placeOf(file) {
  const [module, ...rest] = relative(import.meta.dirname, file).split(sep);
  return { module, name: rest.join('/').replace(/\.test\.ts$/, '') };
}

/** A test that failed, as Node's own reporter shows it. */
function failureText({ name, file, line, column, details }) {
  const { error, duration_ms } = details;
  const cause = error?.code === 'ERR_TEST_FAILURE' ? (error.cause ?? error) : error;
  const text = inspect(cause, { depth: 5 }).replaceAll('\n', '\n  ');
  return `test at ${relative(process.cwd(), file ?? '')}:${line}:${column}\n✖ ${name} (${seconds(duration_ms)})\n  ${text}\n\n`;
}

export default async function* report(events) {
  const files = new Map();
  const failures = [];
  const all = { tests: 0, failed: 0, skipped: 0, from: performance.now() };
  let module = '';
  const of = (named) => {
    const file = resolve(named ?? 'elsewhere');
    if (!files.has(file)) files.set(file, { tests: 0, failed: 0, milliseconds: 0, said: '', told: false });
    return files.get(file);
  };
  const lineOf = (file) => {
    const told = of(file);
    if (told.told || told.tests === 0) return '';
    told.told = true;
    const { tests, failed, milliseconds } = told;
    const place = placeOf(file);
    const heading = place.module === module ? '' : `${place.module}\n`;
    module = place.module;
    const count = `${tests} ${tests === 1 ? 'test' : 'tests'}${failed > 0 ? `, ${failed} failed` : ''}`;
    return `${heading}  ${failed > 0 ? '✖' : '✔'} ${place.name}: ${count}, ${seconds(milliseconds)}\n`;
  };
  for await (const { type, data } of events) {
    const { file, details } = data;
    if (type === 'test:stdout' || type === 'test:stderr') of(file).said += data.message;
    else if (type === 'test:summary' && file) yield lineOf(file);
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    // A suite, or a test around one that failed, fails with it and has nothing of its own to say.
    const failed = type === 'test:fail' && data.todo === undefined && details.error?.failureType !== 'subtestsFailed';
    for (const counted of [of(file), all]) {
      if (details.type !== 'suite') counted.tests++;
      if (failed) counted.failed++;
    }
    if (data.nesting === 0) of(file).milliseconds += details.duration_ms;
    if (data.skip !== undefined) {
      all.skipped++;
      yield `  skipped: ${data.name}${typeof data.skip === 'string' ? `: ${data.skip}` : ''}\n`;
    }
    if (failed) {
      failures.push(data);
      yield `✖ ${data.name}\n`;
    }
  }
  // Before Node 22 no file says that it is over.
  for (const file of files.keys()) yield lineOf(file);
  const passed = all.tests - all.failed - all.skipped;
  yield `\n${all.tests} tests: ${passed} passed, ${all.failed} failed, ${all.skipped} skipped; `;
  yield `${seconds(performance.now() - all.from)}\n`;
  if (failures.length > 0) yield '\n✖ failing tests:\n\n';
  for (const failure of failures) {
    yield failureText(failure);
    // What its process wrote may come after its end.
    yield `${of(failure.file).said.split('\n').slice(-40).join('\n').trim()}\n\n`;
  }
}
