import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { commandOf, findKernelSpec, type KernelSpec } from 'sparsebook/notebook/jupyter/kernelSpec.js';
import { KernelClient } from 'sparsebook/notebook/kernel/client/kernelClient.js';
import { KernelProcess } from 'sparsebook/notebook/kernel/client/kernelProcess.js';

/**
 * The project's kernel, which first runs `prelude` (which can use `connection`, and require whatever this test can). It
 * listens on ports, which other programs may have used before.
 */
function kernelAfter(t: TestContext, prelude: string): KernelSpec {
  const own = findKernelSpec('tslab');
  const launch = commandOf(own, '').at(-2);
  const folder = mkdtempSync(join(tmpdir(), 'late-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'launch.mjs');
  writeFileSync(
    file,
    `import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
const require = createRequire(${JSON.stringify(import.meta.url)});
const connection = JSON.parse(readFileSync(process.argv[2], 'utf8'));
${prelude}
await import(${JSON.stringify(launch)});\n`,
  );
  return { ...own, argv: ['node', file, '{connection_file}'], metadata: {} };
}

/** Asserts that a client connects to such a kernel, and that the kernel runs a cell. */
async function isMet(t: TestContext, prelude: string): Promise<void> {
  const kernel = await KernelClient.start({ spec: kernelAfter(t, prelude), cwd: process.cwd() });
  t.after(() => kernel.kill());
  assert.equal((await kernel.execute('1 + 1')).status, 'ok');
}

test('a start that was aborted beforehand rejects, and nothing else happens', async () => {
  const options = { spec: findKernelSpec('tslab'), cwd: process.cwd(), signal: AbortSignal.abort() };
  await assert.rejects(KernelClient.start(options), { name: 'AbortError' });
});

test('a client finds its kernel although an echo server answered on the iopub port before it', async (t) => {
  await isMet(
    t,
    `const server = createServer((socket) => socket.on('error', () => {}).pipe(socket));
await new Promise((resolve) => server.listen(connection.iopub_port, '127.0.0.1', resolve));
const caller = await new Promise((resolve) => server.on('connection', resolve));
await new Promise((resolve) => caller.on('close', resolve));
await new Promise((resolve) => server.close(resolve));`,
  );
});

test('earlier messages of another kernel on the iopub port do no harm', async (t) => {
  await isMet(
    t,
    `const { Publisher } = require('zeromq');
const other = new Publisher();
other.bindSync('tcp://127.0.0.1:' + connection.iopub_port);
for (let n = 0; n < 20; n++) {
  await new Promise((resolve) => setTimeout(resolve, 20));
  await other.send(['status', '<IDS|MSG>', 'signed with another key', '{}', '{}', '{}', '{}']);
}
other.close();`,
  );
});

test("a kernel reads no messages while it binds its ports, and replies however slow zeromq's threads are", async (t) => {
  await isMet(
    t,
    `const zeromq = require('zeromq');
class Slow extends zeromq.Router {
  bind() {
    return new Promise(() => undefined);
  }
}
require.cache[require.resolve('zeromq')].exports = { ...zeromq, Router: Slow };`,
  );
});

test('a kernel that does not reply in time is ended', async (t) => {
  const started = join(tmpdir(), `pid-${process.pid}`);
  t.after(() => rmSync(started));
  const spec = kernelAfter(
    t,
    `(await import('node:fs')).writeFileSync(${JSON.stringify(started)}, String(process.pid));
await new Promise((resolve) => setTimeout(resolve, 60_000));`,
  );
  // Under load even the first line of a program may take longer.
  for (let seconds = 1; !existsSync(started) && seconds < 60; seconds *= 2) {
    await assert.rejects(
      KernelClient.start({ spec, cwd: process.cwd(), startTimeout: seconds }),
      new RegExp(`kernel 'tslab' did not answer within ${seconds} s`),
    );
  }
  assert.throws(() => process.kill(Number(readFileSync(started, 'utf8')), 0), { code: 'ESRCH' });
});

test('a kernel whose watch thread fails ends with the reason, even in an endless loop', async (t) => {
  for (const busy of ['', 'for (;;);']) {
    const spec = kernelAfter(
      t,
      `const threads = require('node:worker_threads');
threads.Worker = class extends threads.Worker {
  constructor(file, options) {
    super(file, { ...options, workerData: { ...options.workerData, told: null } });
    ${busy}
  }
};
require('node:module').syncBuiltinESMExports();`,
    );
    await assert.rejects(
      KernelClient.start({ spec, cwd: process.cwd() }),
      /SIGKILL[^]*The kernel ends: the thread that watches it has failed\. TypeError/,
    );
  }
});

test('where files cannot be sockets a kernel is reached on ports', async (t) => {
  const spec = kernelAfter(
    t,
    `if (connection.transport === 'ipc')
  (await import('node:fs')).writeFileSync(process.argv[2], JSON.stringify({ ...connection, ip: '/no/such/folder/socket' }));`,
  );
  const own = { ...spec, metadata: { sparsebook: { transport: 'ipc' } } };
  const kernel = await KernelClient.start({ spec: own, cwd: process.cwd() });
  t.after(() => kernel.kill());
  assert.equal((await kernel.execute('1 + 1')).status, 'ok');
});

/** The number of files and folders that the system watches for a process. */
function watchedBy(pid: number): number {
  const handles = join('/proc', String(pid), 'fdinfo');
  const read = (handle: string): string => {
    try {
      return readFileSync(join(handles, handle), 'utf8');
    } catch {
      return ''; // closed meanwhile
    }
  };
  return readdirSync(handles).reduce((sum, handle) => sum + (read(handle).match(/^inotify/gm)?.length ?? 0), 0);
}

test('a kernel does not watch the contents of packages, but notices a new one', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'packages-'));
  const lay = (path: string, text: string): void => {
    mkdirSync(join(folder, 'node_modules', path, '..'), { recursive: true });
    writeFileSync(join(folder, 'node_modules', path), text);
  };
  for (let i = 0; i < 300; i++) lay(`there/deep/${i}/index.d.ts`, '');
  const kernel = await KernelClient.start({ spec: findKernelSpec('tslab'), cwd: folder });
  t.after(async () => {
    await kernel.kill();
    rmSync(folder, { recursive: true });
  });
  const code = "import { seven } from 'late';\nconsole.log(seven);";
  assert.equal((await kernel.execute(code)).status, 'error');
  if (process.platform === 'linux')
    assert.ok(watchedBy(kernel.pid) < 100, `${watchedBy(kernel.pid)} places are watched`);
  lay('late/package.json', '{ "name": "late", "version": "1.0.0", "types": "index.d.ts" }');
  lay('late/index.d.ts', 'export declare const seven: number;');
  lay('late/index.js', 'exports.seven = 7;');
  // The compiler notices it a moment later.
  let outcome = await kernel.execute(code);
  for (let tries = 0; tries < 100 && outcome.status === 'error'; tries++) {
    await sleep(100);
    outcome = await kernel.execute(code);
  }
  assert.equal(outcome.status, 'ok');
});

test('kernels add no listeners to the process, however many run', async () => {
  const before = process.listenerCount('exit');
  const sleeper = [process.execPath, '-e', 'setInterval(() => 0, 1000)'];
  const kernels = await Promise.all([1, 2, 3].map(() => KernelProcess.start(sleeper, tmpdir(), {})));
  assert.equal(process.listenerCount('exit'), before);
  for (const kernel of kernels) kernel.kill();
  await Promise.all(kernels.map(({ exit }) => exit));
});
