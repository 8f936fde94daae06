import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { bullmqEngine } from 'sparsebook/experiments/sweep/bullmq/bullmq.js';
import { askQueue, queueNameOf, shownAddress } from 'sparsebook/experiments/sweep/bullmq/redis.js';
import { runPoint } from 'sparsebook/experiments/sweep/runPoint.js';
import { checkpointIn, Sweep } from 'sparsebook/experiments/sweep/sweep.js';
import { freePort } from 'sparsebook/platform/freePort.js';
import { readRun } from 'sparsebook/training/log/readRun.js';
import { sparsebook, type Ended } from '../../../sparsebook.ts';
import { tinyNetwork } from '../../../sweeps.ts';

const folder = mkdtempSync(join(tmpdir(), 'sparsebook-bullmq-'));
const started: ChildProcess[] = [];
after(() => {
  // For failed tests: without a server, workers wait for ever.
  started.forEach((child) => child.kill('SIGKILL'));
  rmSync(folder, { recursive: true });
});

const oneRun = [...tinyNetwork, 'seed=1'];

/** Resolves once a condition holds. */
async function until(what: string, isSo: () => unknown): Promise<void> {
  const end = performance.now() + 240_000;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`waited in vain: ${what}`);
    await pause(50);
  }
}

interface Started {
  child: ChildProcess;
  ended: Promise<Ended>;
  /** Its output so far. */
  said: () => string;
}

/** A data folder of its own, and the commands and queries that use it. */
function place(name: string, redis: string) {
  const data = join(folder, name);
  const root = join(data, 'sweeps');
  const start = (...words: string[]): Started => {
    const { child, ended } = sparsebook([...words, `redis=${redis}`], { SPARSEBOOK_DATA: data });
    let said = '';
    child.stdout!.on('data', (text: string) => (said += text));
    started.push(child);
    return { child, ended, said: () => said };
  };
  return {
    data,
    root,
    sweep: (...words: string[]) => start('sweep', ...words, 'engine=bullmq'),
    worker: (...words: string[]) => start('worker', 'threads=1', 'lost_after=2', ...words),
    counts: async () => askQueue(redis, await queueNameOf(root), (queue) => queue.getJobCounts()),
    runs: () => readdirSync(join(data, 'runs')).map((id) => join(data, 'runs', id)),
  };
}

/** The hash of each point's weights, by the point's id. */
async function hashes(sweep: Sweep): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const { id } of sweep.points) {
    const sums = readFileSync(join((await checkpointIn((await sweep.runOf(id))!))!, 'SHA256SUMS'), 'utf8');
    found[id] = /^(\w{64}) +weights\.safetensors$/m.exec(sums)![1];
  }
  return found;
}

const graph = `
name: graph
settings: { ${tinyNetwork.join(', ').replaceAll('=', ': ')}, epochs: 2 }
points:
  - name: base
    grid: { seed: [1, 2] }
  - name: tuned
    start: { from: base }
    grid: { seed: [1, 2], lr: [0.001, 0.002] }
`;

const failing = `
name: failing
settings: { ${tinyNetwork.join(', ').replaceAll('=', ': ')}, epochs: 1 }
grid: { seed: [1] }
points:
  - name: base
    settings: { lr: 1e30 }
  - name: tuned
    start: { from: base }
  - name: other
`;

test('a server that does not answer is an error of one line without its password, and nothing is written', async () => {
  const address = `redis://someone:secret@127.0.0.1:${await freePort()}`;
  const { data, sweep, worker } = place('unreachable', address);
  for (const { ended } of [sweep(...oneRun, 'epochs=1'), worker()]) {
    const { code, stderr } = await ended;
    assert.equal(code, 1);
    assert.match(stderr, /^error: Redis does not answer at redis:\/\/127\.0\.0\.1:\d+: connect ECONNREFUSED [^\n]*\n$/);
    assert.doesNotMatch(stderr, /secret/);
  }
  assert.ok(!existsSync(data));
});

test('an invalid address is refused without being shown', () => {
  for (const address of ['127.0.0.1:6379', 'http://someone:secret@127.0.0.1', 'redis://', 'secret']) {
    assert.throws(
      () => shownAddress(address),
      /^UserError: redis must be an address such as redis:\/\/127\.0\.0\.1:6379 or /,
    );
  }
  assert.equal(shownAddress('rediss://someone:secret@host:6380/2'), 'rediss://host:6380/2');
});

const skip = spawnSync('redis-server', ['--version']).status === 0 ? false : 'redis-server is not installed';

describe('with a Redis server', { skip }, () => {
  let port = 0;
  let server: ChildProcess;
  let address = '';

  const startServer = async (): Promise<void> => {
    const words = `--port ${port} --appendonly yes --appendfsync always --save`.split(' ');
    server = spawn('redis-server', [...words, '', '--dir', folder], { stdio: 'ignore' });
    await until('Redis answers', () => askQueue(address, 'any', () => Promise.resolve(true)).catch(() => false));
  };
  const killServer = async (): Promise<void> => {
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.kill('SIGKILL');
    await ended;
  };
  before(async () => {
    port = await freePort();
    address = `redis://127.0.0.1:${port}`;
    await startServer();
  });
  after(killServer);

  test('each run is finished once, whichever process is killed meanwhile, with the same weights as a run alone', async () => {
    const { root, sweep, worker, counts, runs } = place('graph', address);
    const file = join(folder, 'graph.yaml');
    writeFileSync(file, graph);
    // Submitting a sweep twice queues nothing twice.
    for (const _ of [1, 2]) {
      const { code, stdout, stderr } = await sweep(file, '--detach').ended;
      assert.equal(code, 0, stderr);
      assert.match(stdout, /\n6 runs, of which 0 are finished\nhanded over;/);
    }
    assert.equal((await counts()).waiting, 6);

    const [first, second] = [worker('jobs=1'), worker('jobs=1', '--exit-when-done')];
    await until('the first begins', () => first.said().includes('running'));
    first.child.kill('SIGKILL');
    await until('the second has done one', () => second.said().includes('done'));
    await killServer();
    await until('the second misses the server', () => second.said().includes('Redis does not answer'));
    await startServer();
    const { code, stdout, stderr } = await second.ended;
    assert.equal(code, 0, stdout + stderr);
    assert.equal(stderr, '');
    assert.equal(stdout.match(/Redis does not answer/g)!.length, 1, stdout);
    assert.match(stdout, /\nRedis answers again at .*\n(.*\n)*nothing left to do\n$/);

    const done = await Sweep.open('graph', root);
    for (const { state } of await done.states()) assert.equal(state, 'finished');
    assert.equal(runs().length, 6);
    for (const run of runs()) {
      // A run that was killed between its end and its record ends again, but its log has one end event.
      assert.equal((await readRun(run)).events.filter(({ type }) => type === 'end').length, 1, run);
    }
    const alone = Sweep.at(join(folder, 'alone', 'sweeps', 'graph'), done.points);
    await useBackend({ backend: 'simd', threads: 1 });
    for (const point of alone.points) assert.equal(await runPoint(alone, point), 'finished');
    assert.deepEqual(await hashes(done), await hashes(alone));
  });

  test('a stopped worker saves its run and hands it back; a worker whose child dies goes on', async () => {
    const { root, sweep, worker, counts, runs } = place('stopped', address);
    assert.equal((await sweep(...oneRun, 'epochs=500', 'name=long', 'retries=1', '--detach').ended).code, 0);
    const { child, ended, said } = worker('jobs=1');
    const running = (): number => said().match(/running/g)?.length ?? 0;
    const log = (): string => {
      const file = existsSync(join(root, '..', 'runs')) ? join(runs()[0] ?? '', 'metrics.jsonl') : '';
      return existsSync(file) ? readFileSync(file, 'utf8') : '';
    };
    await until('it trains', () => log().includes('"type":"epoch"'));
    const points = join(root, 'long', 'points');
    const { pid } = JSON.parse(readFileSync(join(points, readdirSync(points)[0]), 'utf8')) as { pid: number };
    process.kill(pid, 'SIGKILL');
    await until('it goes on', () => running() === 2 && log().match(/"type":"start"/g)?.length === 2);
    child.kill('SIGINT');
    const { code, stdout, stderr } = await ended;
    assert.equal(code, 130, stdout + stderr);
    assert.match(stdout, /\nlong: stopped .*\nsaved and handed back\n$/);
    const { waiting, active } = await counts();
    assert.deepEqual({ waiting, active }, { waiting: 1, active: 0 });
    const long = await Sweep.open('long', root);
    assert.equal((await long.states())[0].state, 'stopped');
    assert.match(log(), /"reason":"aborted"/);

    await long.cancel();
    assert.equal((await worker('--exit-when-done').ended).code, 0);
    assert.equal((await counts()).waiting, 0);
  });

  test('a failed point reports its reason, holds up only points that start from it, and can be tried again', async () => {
    const { sweep, worker, counts } = place('failing', address);
    const file = join(folder, 'failing.yaml');
    writeFileSync(file, failing);
    const { ended, said } = sweep(file);
    await until('it is watched', () => said().includes('no worker is connected: sparsebook worker'));
    assert.match((await worker('jobs=2', '--exit-when-done').ended).stdout, /\nfailing: failed +base seed=1: /);
    const { code, stdout } = await ended;
    assert.equal(code, 1);
    assert.match(stdout, /\nfailed +base seed=1: .*\nblocked +tuned seed=1: it starts from base, which failed\n/);
    assert.match(stdout, /\ndone +other seed=1: /);

    assert.match((await sweep(file, '--detach').ended).stdout, /\n3 runs, of which 1 are finished\n/);
    const { waiting, failed } = await counts();
    assert.deepEqual({ waiting, failed }, { waiting: 2, failed: 0 });
  });

  test('a worker that sees another folder is refused, by the worker and by the sweep', async () => {
    const { sweep, root } = place('here', address);
    const { worker, root: other } = place('elsewhere', address);
    assert.equal((await sweep(...oneRun, 'epochs=1', 'name=lost', '--detach').ended).code, 0);
    mkdirSync(other, { recursive: true });
    cpSync(join(root, 'queue'), join(other, 'queue'));
    const { stdout } = await worker('--exit-when-done').ended;
    const why =
      /does not see the sweep: There is no sweep '.*elsewhere.sweeps.lost'\. .*\(in .*elsewhere.sweeps\)\. SPARSEBOOK_DATA must name the same folder/;
    assert.match(stdout, why);
    const lost = await Sweep.open('lost', root);
    const engine = bullmqEngine({ redis: address, retries: 0 });
    assert.match((await engine.failures(lost)).get(lost.points[0].id)!, why);
    await engine.run(lost, lost.points, new AbortController().signal);
    await engine.cancel(lost);
  });
});
