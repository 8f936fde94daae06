import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { reopenRun } from 'sparsebook/training/log/runFolder.js';
import { isHeld, lockRun, type RunLock } from 'sparsebook/training/log/runLock.js';
import { temporaryFolder } from '../checkpoint/sample.ts';
import { begun, step, stream } from './events.ts';

const refused = (work: Promise<unknown>, message: RegExp): Promise<void> =>
  assert.rejects(work, { name: 'UserError', message });
const holderIn = (path: string): Record<string, unknown> =>
  JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;

/** Starts a process that requests a lock, reports whether it got it, and waits. */
async function asking(t: TestContext, path: string): Promise<{ child: ChildProcess; got: boolean }> {
  const script = `
    import { lockRun } from 'sparsebook/training/log/runLock.js';
    await lockRun(process.argv[1]).then(() => console.log('got'), (error) => console.log(error.message));
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, path]);
  t.after(() => child.kill('SIGKILL')); // otherwise a failed test would wait for it
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, got: said.toString().startsWith('got') };
}

async function killed(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

test('a lock has one holder at a time, and leaves nothing behind', async (t) => {
  const dir = temporaryFolder(t);
  const path = join(dir, 'lock');
  const lock = await lockRun(path);
  await refused(
    lockRun(path),
    new RegExp(`^Process ${process.pid} has been training this run since .*kill -INT ${process.pid}`),
  );
  await lock.release();
  await (await lockRun(path)).release();
  await lock.release();
  assert.deepEqual(readdirSync(dir), []);
});

test('the lock of another process holds while it lives, and after its death one of several requests gets it', async (t) => {
  const path = join(temporaryFolder(t), 'lock');
  const first = await asking(t, path);
  assert.ok(first.got);
  await refused(lockRun(path), new RegExp(`^Process ${first.child.pid} has been training`));
  await killed(first.child);
  const others = await Promise.all([asking(t, path), asking(t, path), asking(t, path)]);
  assert.equal(others.filter(({ got }) => got).length, 1);
  assert.equal(holderIn(path).pid, others.find(({ got }) => got)!.child.pid);
  await Promise.all(others.map(({ child }) => killed(child)));
});

test('exactly one of many processes takes over the lock of a dead process, every time', async (t) => {
  const dir = temporaryFolder(t);
  const path = join(dir, 'lock');
  for (let round = 0; round < 40; round++) {
    // This process's id, but of a process that started at another time.
    writeFileSync(path, JSON.stringify({ ...(await sample(dir)), started: '1', token: `gone${round}` }));
    const asked = await Promise.allSettled(Array.from({ length: 6 }, () => lockRun(path)));
    const got = asked.filter((each): each is PromiseFulfilledResult<RunLock> => each.status === 'fulfilled');
    assert.equal(got.length, 1, `round ${round}`);
    await got[0].value.release();
    assert.deepEqual(readdirSync(dir), []);
  }
});

/** The contents of a lock of this process. */
async function sample(dir: string): Promise<Record<string, unknown>> {
  const path = join(dir, 'sample');
  const lock = await lockRun(path);
  const holder = holderIn(path);
  await lock.release();
  return holder;
}

test('a lock whose owner is unknown is refused, with the file to delete', async (t) => {
  const dir = temporaryFolder(t);
  const path = join(dir, 'lock');
  const holder = await sample(dir);
  assert.equal(holder.host, hostname());
  const cases: [object | string, RegExp][] = [
    [
      { ...holder, host: 'elsewhere' },
      /^Process \d+ of elsewhere has been training .*lock within the last three minutes.*again in three minutes, or delete/,
    ],
    [{ ...holder, space: 'pid:[1]' }, /within the last three minutes/],
    ['', /lock does not say who writes to this run.*delete that file/],
    ['[]', /lock does not say who writes/],
    [{ pid: 'x', host: hostname(), token: 'a' }, /lock does not say who writes/],
  ];
  for (const [content, message] of cases) {
    const text = typeof content === 'string' ? content : JSON.stringify(content);
    writeFileSync(path, text);
    await refused(lockRun(path), message);
    assert.equal(readFileSync(path, 'utf8'), text);
    assert.deepEqual(readdirSync(dir), ['lock']);
  }
});

test('the lock of another machine is taken over after three minutes without an update, by one of several', async (t) => {
  const dir = temporaryFolder(t);
  const path = join(dir, 'lock');
  const holder = { ...(await sample(dir)), host: 'elsewhere' };
  const written = (secondsAgo: number): void => {
    writeFileSync(path, JSON.stringify(holder));
    const time = Date.now() / 1000 - secondsAgo;
    utimesSync(path, time, time);
  };
  written(170);
  assert.equal(await isHeld(path), true);
  await refused(lockRun(path), /of elsewhere has been training/);
  written(190);
  assert.equal(await isHeld(path), false);
  const asked = await Promise.allSettled([lockRun(path), lockRun(path), lockRun(path)]);
  const got = asked.filter((each) => each.status === 'fulfilled');
  assert.equal(got.length, 1);
  assert.equal(holderIn(path).host, hostname());
  await got[0].value.release();
  assert.deepEqual(readdirSync(dir), []);
});

/** Sets the clock so many seconds ahead from now on. */
function pass(t: TestContext, seconds: number): void {
  const time = Date.now() + seconds * 1000;
  t.mock.method(Date, 'now', () => time);
}

test("a held lock is rewritten regularly, so that its age is known by the file server's clock", async (t) => {
  const path = join(temporaryFolder(t), 'lock');
  const lock = await lockRun(path);
  const [text, { ino }] = [readFileSync(path, 'utf8'), statSync(path)];
  utimesSync(path, 1, 1);
  await lock.hold();
  assert.equal(statSync(path).mtimeMs, 1000);
  pass(t, 20);
  await lock.hold();
  assert.ok(statSync(path).mtimeMs > 1e12);
  assert.deepEqual([readFileSync(path, 'utf8'), statSync(path).ino], [text, ino]);
  await lock.release();
});

test('a process that lost its lock notices it, writes nothing more, and leaves the lock to the other process', async (t) => {
  const path = join(temporaryFolder(t), 'lock');
  const lock = await lockRun(path);
  const other = JSON.stringify({ ...holderIn(path), host: 'elsewhere', token: 'other' });
  writeFileSync(`${path}.other`, other);
  renameSync(`${path}.other`, path);
  utimesSync(path, 1, 1);
  await lock.hold();
  pass(t, 20);
  for (let i = 0; i < 2; i++)
    await refused(lock.hold(), /^This process no longer writes to the run: its lock .*lock was/);
  await lock.release();
  assert.equal(readFileSync(path, 'utf8'), other);
  assert.equal(statSync(path).mtimeMs, 1000);
});

test('a run whose folder was taken over ends before it writes another event', async (t) => {
  const run = await begun(temporaryFolder(t));
  rmSync(join(run.dir, 'run.lock'));
  const log = readFileSync(join(run.dir, 'metrics.jsonl'), 'utf8');
  pass(t, 20);
  const reading = async (): Promise<void> => {
    for await (const event of run.logged(stream([step(3)]))) assert.fail(event.type);
  };
  await refused(reading(), /^This process no longer writes to the run/);
  await run.close();
  assert.equal(readFileSync(join(run.dir, 'metrics.jsonl'), 'utf8'), log);
});

test('a run is locked from opening to closing', async (t) => {
  const run = await begun(temporaryFolder(t));
  await refused(reopenRun(run.dir), new RegExp(`^Process ${process.pid} has been training this run`));
  await run.close();
  const again = await reopenRun(run.dir);
  await refused(reopenRun(run.dir), /has been training this run/);
  await again.close();
  assert.ok(!readdirSync(run.dir).some((file) => file.includes('lock')));
});
