import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { KernelSpec } from 'sparsebook/notebook/jupyter/kernelSpec.js';
import { KernelClient } from 'sparsebook/notebook/kernel/client/kernelClient.js';
import type { Message } from 'sparsebook/notebook/kernel/wire.js';
import { addressOf, createConnectionFile } from 'sparsebook/notebook/kernel/client/connection.js';
import { StreamJoiner } from 'sparsebook/notebook/kernel/cellRun.js';
import { sharedKernel } from './cells.ts';

const shared = sharedKernel();

function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'transport-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The connection file of a running kernel. */
function connectionOf(kernel: KernelClient): string {
  const words = readFileSync(`/proc/${kernel.pid}/cmdline`, 'utf8').split('\0');
  return words.find((word) => word.endsWith('connection.json')) ?? '';
}

test('addresses have the form that Jupyter specifies', () => {
  assert.equal(addressOf({ transport: 'ipc', ip: '/tmp/k/socket' }, 3), 'ipc:///tmp/k/socket-3');
  assert.equal(addressOf({ transport: 'tcp', ip: '127.0.0.1' }, 8080), 'tcp://127.0.0.1:8080');
});

test('sockets are files where possible, and ports where the path of a file would be too long', async (t) => {
  const { TMPDIR } = process.env;
  t.after(() => (TMPDIR === undefined ? delete process.env.TMPDIR : (process.env.TMPDIR = TMPDIR)));
  const deep = join(scratch(t), 'a'.repeat(80));
  mkdirSync(deep);
  const cases: [string, 'ipc' | 'tcp', string][] = [
    [tmpdir(), 'ipc', 'ipc'],
    [tmpdir(), 'tcp', 'tcp'],
    [deep, 'ipc', 'tcp'],
  ];
  for (const [folder, wanted, got] of cases) {
    process.env.TMPDIR = folder;
    const file = await createConnectionFile(wanted);
    assert.equal(file.connection.transport, got);
    assert.deepEqual(JSON.parse(readFileSync(file.path, 'utf8')), file.connection);
    assert.equal(statSync(dirname(file.path)).mode & 0o777, 0o700);
    assert.equal(statSync(file.path).mode & 0o777, 0o600);
    await file.remove();
    assert.throws(() => statSync(dirname(file.path)), { code: 'ENOENT' });
  }
});

/**
 * A kernel of a few lines: `body` can use `connection`, `shell`, `iopub`, and `send(socket, request, type, content,
 * parent)`.
 */
function smallKernel(t: TestContext, body: string, metadata?: KernelSpec['metadata']): KernelSpec {
  const file = join(scratch(t), 'kernel.mjs');
  writeFileSync(
    file,
    `import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
const { Publisher, Router } = createRequire(${JSON.stringify(import.meta.url)})('zeromq');
const { decodeMessage, encodeMessage } = await import(${JSON.stringify(import.meta.resolve('sparsebook/notebook/kernel/wire.js'))});
const { addressOf } = await import(${JSON.stringify(import.meta.resolve('sparsebook/notebook/kernel/client/connection.js'))});
const connection = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const [shell, iopub] = [new Router(), new Publisher()];
${body}
shell.bindSync(addressOf(connection, connection.shell_port));
iopub.bindSync(addressOf(connection, connection.iopub_port));
function send(socket, request, type, content, parent = request.message.header) {
  const header = { msg_id: String(Math.random()), session: '', username: '', date: 'today', msg_type: type, version: '5.3' };
  const message = { header, parent_header: parent, metadata: {}, content };
  return socket.send(encodeMessage(connection.key, message, request.identities));
}
for await (const frames of shell) {
  const request = decodeMessage(connection.key, frames);
  const type = request.message.header.msg_type;
  await send(iopub, request, 'status', { execution_state: 'busy' });
  if (type === 'execute_request') await execute(request);
  else await send(shell, request, type.replace('request', 'reply'), { status: 'ok' });
  await send(iopub, request, 'status', { execution_state: 'idle' });
}\n`,
  );
  return {
    name: 'small',
    file,
    argv: ['node', file, '{connection_file}'],
    display_name: 'small',
    language: 'text',
    metadata,
  };
}

test('garbage, wrong keys and types and unrequested replies are ignored; valid messages are read', async (t) => {
  const body = `async function execute(request) {
  for (const socket of [iopub, shell]) {
    const to = socket === shell ? request.identities : [];
    await socket.send([...to, 'garbage']);
    await socket.send([...to, Buffer.from([255, 254, 0]), '<IDS|MSG>']);
    await socket.send([...to, '<IDS|MSG>', 'unsigned', '{}', '{}', '{}', '{}']);
    await socket.send(encodeMessage('another key', request.message, to));
    await socket.send(encodeMessage(connection.key, { header: null, parent_header: 5, metadata: [], content: 'x' }, to));
    for (const parent of [{}, { msg_id: 'nobody' }, { msg_id: { msg_id: 1 } }, { msg_id: '__proto__' }])
      await send(socket, request, 'error', { evalue: 'not this one' }, parent);
  }
  await send(shell, request, 'history_reply', { status: 'error' });
  await send(iopub, request, 'no_such_type', { text: 5 });
  await send(iopub, request, 'stream', { name: null, text: { meant: true } });
  await send(iopub, request, 'status', {});
  await send(shell, request, 'execute_reply', { status: 'ok', execution_count: '1' });
  await send(shell, request, 'execute_reply', { status: 'error', ename: 'Second' });
}`;
  for (const transport of ['ipc', 'tcp']) {
    const spec = smallKernel(t, body, { sparsebook: { transport } });
    const kernel = await KernelClient.start({ spec, cwd: process.cwd() });
    t.after(() => kernel.kill());
    const heard: Message[] = [];
    const outcome = await kernel.execute('1', (message) => heard.push(message));
    assert.deepEqual(outcome, { status: 'ok', execution_count: null, ename: '', evalue: '' });
    const types = heard.map(({ header }) => header.msg_type);
    assert.deepEqual(types, ['status', 'no_such_type', 'stream', 'status', 'status']);
    assert.deepEqual(heard[2].content, { name: 'stdout', text: '{"meant":true}' });
  }
});

test('a listener that throws is reported, and still receives the next message', async (t) => {
  const body = `async function execute(request) {
  for (const text of ['first', 'second']) await send(iopub, request, 'stream', { name: 'stdout', text });
  await send(shell, request, 'execute_reply', { status: 'ok' });
}`;
  const kernel = await KernelClient.start({ spec: smallKernel(t, body), cwd: process.cwd() });
  t.after(() => kernel.kill());
  const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
  const heard: unknown[] = [];
  const outcome = await kernel.execute('1', ({ content }) => {
    if (content.text !== undefined) heard.push(content.text);
    if (content.text === 'first') throw new Error('too much');
  });
  assert.equal(outcome.status, 'ok');
  assert.deepEqual(heard, ['first', 'second']);
  assert.match((await warned).message, /a message of type 'stream' could not be taken in: Error: too much/);
});

test('a kernel does not run far ahead of a client that reads slowly, in a loop that never awaits', async () => {
  const code = `import { display } from 'tslab';
const image = 'x'.repeat(20_000);
for (let i = 0; i < 1500; i++) display.html(image + i);
const written = process.stdout.write(String(process.hrtime.bigint() / 1_000_000n));`;
  const now = (): number => Number(process.hrtime.bigint() / 1_000_000n);
  const heard: number[] = [];
  let end = NaN;
  const outcome = await shared.kernel().execute(code, ({ header, content }) => {
    if (header.msg_type === 'display_data') heard.push(now());
    for (const until = performance.now() + 2; performance.now() < until;);
    if (header.msg_type === 'stream') end = Number(content.text);
  });
  assert.equal(outcome.status, 'ok');
  assert.equal(heard.length, 1500);
  // The last message is sent when all but about 8 MB of the earlier ones have been read.
  const unread = heard.filter((time) => time > end).length;
  assert.ok(end > 0);
  assert.ok(unread < 800, `${unread} of 1500 were still on their way when the last was sent`);
});

test('a kernel listens in a folder that only its user can open, and the folder is deleted however the kernel ends', async () => {
  const kernel = shared.kernel();
  const folder = dirname(connectionOf(kernel));
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  const sockets = readdirSync(folder).filter((name) => statSync(join(folder, name)).isSocket());
  assert.deepEqual(
    sockets.sort(),
    [1, 2, 3, 4, 5].map((n) => `socket-${n}`),
  );
  process.kill(kernel.pid, 'SIGKILL');
  await kernel.exit;
  await kernel.kill();
  assert.throws(() => statSync(folder), { code: 'ENOENT' });
});

test('a long text is sent in pieces that split no character', () => {
  const sent: string[] = [];
  const joiner = new StreamJoiner((_name, text) => sent.push(text));
  const text = `.${'😀'.repeat(500_000)}`;
  joiner.write('stdout', text);
  joiner.flush();
  assert.equal(sent.join(''), text);
  assert.ok(sent.length > 3);
  for (const piece of sent) encodeURIComponent(piece);
});
