import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Message, MessageContent } from 'sparsebook/notebook/kernel/wire.js';
import { hearing, sharedKernel } from './cells.ts';

const { kernel, execute } = sharedKernel();

test('cells know the global types of Node, and none that only a dependency declares', async () => {
  // Before any cell imports a module.
  const node = await execute("const size: number = Buffer.from('four').length;\nconsole.log(size, process.version);");
  assert.equal(node.stdout(), `4 ${process.version}\n`);
  const other = await execute('const elsewhere: OffscreenCanvas | undefined = undefined;');
  assert.match(String(other.of('error')[0].evalue), /Cannot find name 'OffscreenCanvas'/);
});

test('50,000 lines printed in one tick all arrive, in order, in few messages', async () => {
  const { outcome, of, stdout } = await execute('for (let i = 0; i < 50_000; i++) console.log(i);');
  assert.equal(outcome.status, 'ok');
  assert.equal(stdout(), Array.from({ length: 50_000 }, (_, i) => `${i}\n`).join(''));
  assert.ok(of('stream').length < 1000, `${of('stream').length} messages`);
});

test('2,000 displays in one tick all arrive before idle', async () => {
  const code = "import { display } from 'tslab';\nfor (let i = 0; i < 2000; i++) display.text(String(i));";
  const { messages, of } = await execute(code);
  const texts = of('display_data').map(({ data }) => (data as Record<string, string>)['text/plain']);
  assert.deepEqual(
    texts,
    Array.from({ length: 2000 }, (_, i) => String(i)),
  );
  assert.equal(messages.at(-1)?.content.execution_state, 'idle');
});

test('execute_input repeats the code with the count of the reply', async () => {
  const { outcome, of } = await execute('const seven = 7;');
  assert.ok(outcome.status === 'ok' && outcome.execution_count);
  assert.deepEqual(of('execute_input'), [{ code: 'const seven = 7;', execution_count: outcome.execution_count }]);
});

test('a cell that throws sends an error with name, value and a traceback of the cell alone', async () => {
  const code = "function deep(): never { throw new RangeError('too far'); }\ndeep();";
  const { outcome, of } = await execute(code);
  const [{ ename, evalue, traceback }] = of('error');
  assert.deepEqual([ename, evalue], ['RangeError', 'too far']);
  const text = (traceback as string[]).join('\n');
  assert.match(text, /RangeError: too far\n\s+at deep \(cell:/);
  assert.doesNotMatch(text, /tslab|node:|dist/);
  assert.ok(outcome.status === 'error' && outcome.ename === 'RangeError' && outcome.evalue === 'too far');
  assert.equal(of('stream').length, 0, 'the error is not printed a second time');
});

test('a cell that does not compile sends one error that points at each place', async () => {
  const { of } = await execute("const n: number = 'one';\nconst m = unknownName;");
  assert.equal(of('error').length, 1);
  const [{ ename, evalue, traceback }] = of('error');
  assert.equal(ename, 'TypeScriptError');
  assert.equal(evalue, "1:7 - Type 'string' is not assignable to type 'number'.");
  assert.deepEqual((traceback as string[]).slice(3), [
    "TypeScript: 2:11 - Cannot find name 'unknownName'.",
    '    const m = unknownName;',
    '              ^',
  ]);
});

test('a UserError is shown without its stack', async () => {
  const code = "import { UserError } from 'sparsebook';\nthrow new UserError('no such file; run download first');";
  const { of } = await execute(code);
  assert.deepEqual(of('error')[0].traceback, ['UserError: no such file; run download first']);
});

test('a thrown value that is not an Error is named by its kind', async () => {
  const { of } = await execute('throw { code: 5 };');
  assert.deepEqual([of('error')[0].ename, of('error')[0].evalue], ['Thrown', '{ code: 5 }']);
});

test('an unhandled rejection fails the cell it comes from', async () => {
  const { outcome, of } = await execute("void Promise.reject(new Error('lost'));");
  assert.equal(outcome.status, 'error');
  assert.equal(of('error')[0].evalue, 'lost');
});

test('an exception in a timer fails the cell that is waiting, and the kernel survives', async () => {
  const wait = 'await new Promise((resolve) => setTimeout(resolve, 100));';
  const { outcome, of } = await execute(`setTimeout(() => { throw new Error('late'); }, 10);\n${wait}`);
  assert.equal(outcome.status, 'error');
  assert.equal(of('error')[0].evalue, 'late');
  assert.equal((await execute('seven')).result(), '7');
});

test('the cell after a failed one runs at once if the client does not ask to stop on errors', async () => {
  assert.equal((await execute("throw new Error('first');")).outcome.status, 'error');
  const next = await execute("console.log('second');");
  assert.equal(next.outcome.status, 'ok');
  assert.equal(next.stdout(), 'second\n');
});

test('an interrupt stops an async loop, reaches the library, and the next cell works', async () => {
  const code = `import { interruptSignal } from 'sparsebook';
const steps: number[] = (globalThis as any).steps = [];
const signal = interruptSignal();
await null;
console.log('started');
while (!signal.aborted) { steps.push(steps.length); await new Promise((resolve) => setTimeout(resolve, 5)); }
(globalThis as any).stoppedAt = steps.length;
await new Promise(() => {});`;
  const messages: Message[] = [];
  const outcome = await kernel().execute(code, (message) => {
    messages.push(message);
    if (message.header.msg_type === 'stream') kernel().interrupt();
  });
  assert.ok(outcome.status === 'error' && outcome.ename === 'Interrupted');
  const wait = 'await new Promise((resolve) => setTimeout(resolve, 30));';
  const next = await execute(`${wait}\nconst g = globalThis as any;\nconsole.log(g.stoppedAt, g.steps.length);`);
  assert.match(next.stdout(), /^(\d+) \1\n$/, 'the loop itself has stopped');
  const again = "import { interruptSignal } from 'sparsebook';\nconsole.log(interruptSignal().aborted);";
  assert.equal((await execute(again)).stdout(), 'false\n', 'the next cell gets a fresh signal');
});

test('an interrupt stops a synchronous loop', async () => {
  const outcome = await kernel().execute("console.log('started');\nfor (;;);", ({ header }) => {
    if (header.msg_type === 'stream') kernel().interrupt();
  });
  assert.ok(outcome.status === 'error' && outcome.ename === 'Interrupted');
  assert.equal((await execute('seven')).result(), '7');
});

test('an interrupt that comes while a cell is compiled is not lost', async () => {
  for (let i = 0; i < 3; i++) {
    const code = `const tuple${i} = [1, 'two', { three: [4] }] as const;\nawait new Promise(() => {});`;
    const outcome = await kernel().execute(code, ({ header }) => {
      if (header.msg_type === 'execute_input') kernel().interrupt();
    });
    assert.ok(outcome.status === 'error' && outcome.ename === 'Interrupted');
  }
});

const deafLoops: [string, string][] = [
  ['that never awaits again', "await null;\nconsole.log('started');\nfor (;;);"],
  ['of microtasks', "console.log('started');\nawait null;\nfor (;;) await null;"],
  ['in a timer', "setTimeout(() => { console.log('started'); for (;;); }, 1);\nawait new Promise(() => {});"],
];
for (const [what, code] of deafLoops) {
  test(`an interrupt stops a loop ${what}, and variables survive`, async () => {
    let asking: NodeJS.Timeout | undefined;
    const outcome = await kernel().execute(code, ({ header }) => {
      if (header.msg_type === 'stream') asking ??= setInterval(() => kernel().interrupt(), 100);
    });
    clearInterval(asking);
    assert.ok(outcome.status === 'error' && outcome.ename === 'Interrupted');
    let next = await execute('seven');
    // An interrupt sent just as the loop ends reaches the next cell.
    if (next.outcome.status === 'error' && next.outcome.ename === 'Interrupted') next = await execute('seven');
    assert.equal(next.result(), '7', JSON.stringify(next.outcome));
  });
}

test('text written straight to the descriptors, or by a program that the cell starts, is output of the cell', async () => {
  const code = `import { writeSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
writeSync(1, 'raw\\n');
const ended = spawnSync('sh', ['-c', 'echo started; echo complained >&2'], { stdio: 'inherit' });`;
  const { stdout, of } = await execute(code);
  assert.equal(stdout(), 'raw\nstarted\n');
  const complained = of('stream').filter(({ name }) => name === 'stderr');
  assert.deepEqual(complained, [{ name: 'stderr', text: 'complained\n' }]);
});

test('an error whose fields are not strings, or that throws when inspected, is still reported as an error', async () => {
  const thrown: [string, string][] = [
    ["Object.assign(new Error('x'), { message: { a: 1 } })", 'Error: { a: 1 }'],
    ["Object.assign(new Error('x'), { name: 5 })", '5: x'],
    [
      "Object.defineProperty(new Error('x'), 'message', { get() { throw new Error('no'); } })",
      'Thrown: something that throws',
    ],
  ];
  for (const [value, right] of thrown) {
    const { outcome } = await execute(`throw ${value};`);
    assert.ok(outcome.status === 'error');
    assert.ok(`${outcome.ename}: ${outcome.evalue}`.startsWith(right), `${outcome.ename}: ${outcome.evalue}`);
  }
});

test('interrupt_request gets a reply, and does what SIGINT does', async () => {
  let reply: Promise<unknown> | undefined;
  const code = "console.log('started');\nawait new Promise(() => {});";
  const outcome = await kernel().execute(code, ({ header }) => {
    if (header.msg_type === 'stream') reply = kernel().request('interrupt_request', {});
  });
  assert.ok(outcome.status === 'error' && outcome.ename === 'Interrupted');
  assert.deepEqual(await reply, { status: 'ok' });
});

test('completion and inspection still work, and comm_info gets a reply of its own name', async () => {
  const complete = await kernel().request('complete_request', { code: 'seven.toF', cursor_pos: 9 });
  assert.deepEqual(complete.matches, ['toFixed']);
  const inspect = await kernel().request('inspect_request', { code: 'seven', cursor_pos: 2, detail_level: 0 });
  assert.deepEqual(inspect.data, { 'text/plain': 'const seven: 7' });
  assert.deepEqual(await kernel().request('comm_info_request', {}), { status: 'ok', comms: {} });
});

test('a variable of an earlier cell can be a shorthand property, and a local one stays local', async () => {
  await execute("const width = 32;\nlet label = 'earlier';");
  const code = `const size = { width, seven };
const relabel = (label: string) => ({ label });
({ label } = { label: 'assigned' });
console.log(JSON.stringify([size, relabel('local'), { label }]));`;
  const { stdout, of } = await execute(code);
  assert.deepEqual(of('error'), []);
  assert.equal(stdout(), '[{"width":32,"seven":7},{"label":"local"},{"label":"assigned"}]\n');
});

test('the types of every module of Node are available to a cell that imports it', async () => {
  const folder = join(createRequire(import.meta.url).resolve('@types/node/package.json'), '..');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.d.ts'));
  const declared = (file: string): string[] =>
    [...readFileSync(join(folder, file), 'utf8').matchAll(/^declare module ["']([^"']+)["']/gm)].map(
      ([, name]) => name,
    );
  const names = [...new Set(files.flatMap(declared))].filter(isBuiltin);
  assert.ok(names.length > 80, `${names.length} modules`);
  // A module without types is any, and any can be a number too: then the expected error would be missing.
  const code = names.map(
    (name, i) => `import type * as module${i} from '${name}';
// @ts-expect-error
const number${i}: number = undefined as unknown as typeof module${i};`,
  );
  const compiled = await execute(code.join('\n'));
  assert.deepEqual(
    compiled.of('error').map(({ evalue }) => evalue),
    [],
  );
});

test('background work of a cell prints into that cell, and its failure is reported there', async () => {
  const late: Message[] = [];
  const told = new Promise<void>((resolve) => {
    const code = "setTimeout(() => { console.log('later'); throw new Error('too late'); }, 50);";
    void kernel().execute(code, (message) => {
      late.push(message);
      if (message.header.msg_type === 'error') resolve();
    });
  });
  await told;
  const types = late.map(({ header }) => header.msg_type);
  assert.ok(types.lastIndexOf('stream') > types.lastIndexOf('status'), 'after the cell was idle');
  assert.equal(late.at(-1)?.content.evalue, 'too late');
});

/** Sends a request without waiting for the reply. */
const queue = (code: string, stop_on_error = true): Promise<MessageContent> =>
  kernel().request('execute_request', { code, stop_on_error, silent: false, store_history: true, allow_stdin: false });

test('after a failure the waiting requests are aborted, and a request sent after the reply runs', async () => {
  const busy = 'const until = Date.now() + 100;\nwhile (Date.now() < until);\nthrow new Error("stop");';
  const replies = [queue(busy), queue('1'), queue('2')];
  assert.equal((await replies[0]).status, 'error');
  const next = queue('3');
  const statuses = (await Promise.all(replies)).map(({ status }) => status);
  assert.deepEqual(statuses, ['error', 'aborted', 'aborted']);
  assert.equal((await next).status, 'ok');
});

test('after a failure with stop_on_error false the waiting requests run', async () => {
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
  'background work of a cell prints, shows and fails in its own cell while another cell runs',
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

test('bytes are printed as text, and the callback of write is called', async () => {
  const code = `const euro = Buffer.from('€');
process.stdout.write(euro.subarray(0, 1));
await new Promise((resolve) => process.stdout.write(euro.subarray(1), resolve));
'written'`;
  const { stdout, result } = await execute(code);
  assert.deepEqual([stdout(), result()], ['€', 'written']);
});

test('reading standard input fails at once, each time, and the error says what to do instead', async () => {
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

test('brackets, strings and comments decide whether code is complete', async () => {
  for (const [code, status] of Object.entries(codes)) {
    assert.equal((await kernel().request('is_complete_request', { code })).status, status, code);
  }
  const { indent } = await kernel().request('is_complete_request', { code: 'if (a) {\n  if (b) {' });
  assert.equal(indent, '    ');
});

test('history returns executed code: the last, a range, or matches of a pattern', async () => {
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

test('a silent request shows nothing, and an unstored request has no number', async () => {
  const ask = (code: string, more: MessageContent): Promise<MessageContent> =>
    kernel().request('execute_request', { code, silent: false, store_history: true, allow_stdin: false, ...more });
  const before = (await ask('1', {})).execution_count;
  const { heard, hear } = hearing();
  await kernel().execute('setTimeout(() => console.log("later"), 1)', hear);
  const silent = await ask('const quiet = 2; console.log(quiet); quiet', { silent: true });
  const unstored = await ask('quiet + 1', { store_history: false });
  assert.deepEqual([silent.status, unstored.status], ['ok', 'ok']);
  assert.deepEqual([silent.execution_count, unstored.execution_count], [Number(before) + 1, Number(before) + 1]);
  assert.equal((await execute('quiet')).result(), '2');
  assert.equal(heard.stdout(), 'later\n');
  const { history } = await kernel().request('history_request', { hist_access_type: 'tail', n: 2 });
  const codes = (history as [number, number, string][]).map(([, , code]) => code);
  assert.deepEqual(codes, ['setTimeout(() => console.log("later"), 1)', 'quiet']);
});

test('a kernel that is shut down sends nothing more, although a cell still prints', async () => {
  await execute(
    'setInterval(() => console.log("still here"), 1);\nsetInterval(() => { throw new Error("still failing"); }, 5);',
  );
  await sleep(20);
  const { code, lastWords } = await kernel().shutdown();
  assert.equal(code, 0);
  assert.doesNotMatch(lastWords, /still|Error/);
});
