import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import type { MessageContent } from 'sparsebook/notebook/kernel';
import { hearing, sharedKernel } from './cells.ts';

const { kernel, execute } = sharedKernel();

/** Executes as a client that waits for nothing. */
const queue = (code: string, stop_on_error = true): Promise<MessageContent> =>
  kernel().request('execute_request', { code, stop_on_error, silent: false, store_history: true, allow_stdin: false });

test('after a failure the requests that wait are aborted, and one sent on its reply runs', async () => {
  const busy = 'const until = Date.now() + 100;\nwhile (Date.now() < until);\nthrow new Error("stop");';
  const replies = [queue(busy), queue('1'), queue('2')];
  assert.equal((await replies[0]).status, 'error');
  const next = queue('3');
  const statuses = (await Promise.all(replies)).map(({ status }) => status);
  assert.deepEqual(statuses, ['error', 'aborted', 'aborted']);
  assert.equal((await next).status, 'ok');
});

test('after a failure that is not to stop anything the requests that wait run', async () => {
  const replies = await Promise.all([
    queue('await null;\nthrow new Error("go on");', false),
    queue('1', false),
    queue('2'),
  ]);
  assert.deepEqual(
    replies.map(({ status }) => status),
    ['error', 'ok', 'ok'],
  );
});

const skipBefore24 = Number.parseInt(process.versions.node) < 24 && 'only from Node 24 on';
test(
  'what a cell left running prints, shows and fails in its own cell while another runs',
  { skip: skipBefore24 },
  async () => {
    const { hear, heard } = hearing();
    const code = `import { display } from 'tslab';
let ticks = 0;
const timer = setInterval(() => {
  console.log('tick', ++ticks);
  Promise.resolve().then(() => process.stderr.write('ticked\\n'));
  if (ticks === 3) display.text('shown');
  if (ticks === 4) { clearInterval(timer); throw new Error('fourth'); }
}, 20);`;
    await kernel().execute(code, hear);
    const other = await execute(
      'while (ticks < 4) await new Promise((resolve) => setTimeout(resolve, 10));\nconsole.log("other");',
    );
    assert.equal(other.stdout(), 'other\n');
    assert.deepEqual([other.outcome.status, other.of('error').length, other.of('display_data').length], ['ok', 0, 0]);
    assert.equal(heard.stdout(), 'tick 1\ntick 2\ntick 3\ntick 4\n');
    assert.match(JSON.stringify(heard.of('stream')), /stderr.*ticked/);
    assert.deepEqual(heard.of('display_data')[0].data, { 'text/plain': 'shown' });
    assert.match(heard.traceback(), /^Error: fourth\n.*\(cell:7:\d+\)$/s);
  },
);

test('bytes are printed as the text they are, and whoever waits for it hears that they are written', async () => {
  const code = `const euro = Buffer.from('€');
process.stdout.write(euro.subarray(0, 1));
await new Promise((resolve) => process.stdout.write(euro.subarray(1), resolve));
'written'`;
  const { stdout, result } = await execute(code);
  assert.deepEqual([stdout(), result()], ['€', 'written']);
});

test('reading standard input fails at once, each time, and says what to do', async () => {
  const cells = [
    'import { createInterface } from "node:readline/promises";\nconst rl = createInterface({ input: process.stdin, output: process.stdout });\nawait rl.question("Name? ");',
    'for await (const line of createInterface({ input: process.stdin })) console.log(line);\nawait new Promise(() => {});',
    'process.stdin.on("data", console.log);\nawait new Promise(() => {});',
  ];
  for (const code of cells) {
    const { traceback } = await execute(code);
    assert.match(traceback(), /^UserError: a cell cannot read standard input: .* variable of the notebook/);
  }
  assert.equal((await execute('1 + 1')).result(), '2');
});

const codes: Record<string, 'complete' | 'incomplete' | 'invalid'> = {
  'const a = 1': 'complete',
  'function f() {': 'incomplete',
  'const t = `open ${1}': 'incomplete',
  'const t = `open\nstill ': 'incomplete',
  'const t = `closed`': 'complete',
  '/* open': 'incomplete',
  'call(1,': 'incomplete',
  'const b =': 'incomplete',
  'const c = <number>d': 'complete',
  'await 1': 'complete',
  'const )': 'invalid',
  "const s = 'open": 'invalid',
  'function f() {\n\n\n': 'complete',
};

test('whether code can be run is told by its brackets, texts and comments', async () => {
  for (const [code, status] of Object.entries(codes)) {
    assert.equal((await kernel().request('is_complete_request', { code })).status, status, code);
  }
  const { indent } = await kernel().request('is_complete_request', { code: 'if (a) {\n  if (b) {' });
  assert.equal(indent, '    ');
});

test('history has what was executed: the last, a range, or what matches', async () => {
  const { outcome } = await execute('const one = 1;');
  await execute('const two = 2;');
  await execute('const one = 1;');
  const history = async (asked: MessageContent): Promise<unknown> =>
    (await kernel().request('history_request', { raw: true, output: false, session: 0, ...asked })).history;
  assert.ok(outcome.status === 'ok' && outcome.execution_count);
  const n = outcome.execution_count;
  assert.deepEqual(await history({ hist_access_type: 'tail', n: 2 }), [
    [0, n + 1, 'const two = 2;'],
    [0, n + 2, 'const one = 1;'],
  ]);
  assert.deepEqual(await history({ hist_access_type: 'range', start: n, stop: n + 1 }), [[0, n, 'const one = 1;']]);
  assert.deepEqual(await history({ hist_access_type: 'search', pattern: 'const one*', n: 5, unique: true }), [
    [0, n + 2, 'const one = 1;'],
  ]);
  assert.deepEqual(await history({ hist_access_type: 'tail', n: 1, output: true }), [
    [0, n + 2, ['const one = 1;', null]],
  ]);
});

test('a kernel that is told to go says nothing any more, although a cell still prints', async () => {
  await execute(
    'setInterval(() => console.log("still here"), 1);\nsetInterval(() => { throw new Error("still failing"); }, 5);',
  );
  await sleep(20);
  const { code, lastWords } = await kernel().shutdown();
  assert.deepEqual([code, lastWords], [0, '']);
});
