// Sweeps whose processes are killed at random moments: every run must exist once, with the same bits as in an
// undisturbed sweep.
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Random } from 'sparsebook/backend/random.js';
import { freePort } from 'sparsebook/platform/freePort.js';
import { noCluster, startCluster } from '../slurm/cluster.ts';
import { sparsebook } from '../sparsebook.ts';
import { tinyNetwork, trainedWeights } from '../sweeps.ts';
import type { Outcome, Probe } from './probe.ts';

/** An engine that trains a sweep's runs, and its processes that can be killed. */
export interface Cluster {
  /** Words that select the engine, and the environment of its programs. */
  words: string[];
  env?: Record<string, string>;
  /** Starts missing or killed processes. */
  repair(): Promise<void>;
  /** The processes that may be killed, in addition to the sweep's own. */
  processes(): number[];
  stop(): Promise<void>;
}

/** All descendants of a process. */
export function descendantsOf(pid: number): number[] {
  const table = execFileSync('ps', ['-eo', 'pid=,ppid=']).toString().trim().split('\n');
  const pairs = table.map((line) => line.trim().split(/\s+/).map(Number));
  const below = (parent: number): number[] => pairs.flatMap(([id, of]) => (of === parent ? [id, ...below(id)] : []));
  return below(pid);
}

const local = (): Promise<Cluster> =>
  Promise.resolve({
    words: ['jobs=2', 'threads=1', 'retries=20'],
    repair: () => Promise.resolve(),
    processes: () => [],
    stop: () => Promise.resolve(),
  });

const isOver = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null;

/** A Redis server that writes to disk before it replies, and two workers. */
async function bullmq(data: string): Promise<Cluster> {
  const port = await freePort();
  const dir = mkdtempSync(join(tmpdir(), 'sparsebook-redis-'));
  const redis = `redis=redis://127.0.0.1:${port}`;
  const words = [
    '--port',
    `${port}`,
    '--bind',
    '127.0.0.1',
    '--dir',
    dir,
    '--appendonly',
    'yes',
    '--appendfsync',
    'always',
  ];
  let server: ChildProcess | undefined;
  const workers: ChildProcess[] = [];
  return {
    words: ['engine=bullmq', 'retries=20', redis],
    async repair() {
      if (!server || isOver(server)) {
        server = spawn('redis-server', words, { stdio: 'ignore' });
        await pause(500);
      }
      for (const n of [0, 1]) {
        if (workers[n] && !isOver(workers[n])) continue;
        const options = [redis, 'jobs=1', 'threads=1', 'lost_after=2'];
        workers[n] = sparsebook(['worker', ...options], { SPARSEBOOK_DATA: data }).child;
      }
    },
    processes: () => [server!.pid!, ...workers.flatMap(({ pid }) => [pid!, ...descendantsOf(pid!)])],
    async stop() {
      for (const child of [...workers, server]) {
        if (!child || isOver(child)) continue;
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
      rmSync(dir, { recursive: true });
    },
  };
}

/** A Slurm cluster on this machine. */
async function slurm(data: string): Promise<Cluster> {
  const dir = mkdtempSync(join(tmpdir(), 'sparsebook-slurm-'));
  const cluster = await startCluster(dir);
  return {
    words: ['engine=slurm', 'threads=1'],
    env: cluster.env,
    repair() {
      cluster.repair();
      return Promise.resolve();
    },
    // Jobs are no descendants of the sweep: they are identified by the folder they were given.
    processes: () => [cluster.slurmd().pid!, ...processesWith(`sweep point ${data}`)],
    async stop() {
      cluster.run('scancel', '--user=root');
      await cluster.stop();
      rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

/** The processes whose command line contains these words. */
function processesWith(words: string): number[] {
  const lines = execFileSync('ps', ['-eo', 'pid=,args=']).toString().split('\n');
  return lines.filter((line) => line.includes(words)).map((line) => parseInt(line));
}

/** Runs a sweep of so many runs while processes are killed, and compares it with an undisturbed one. */
async function killed(start: (data: string) => Promise<Cluster>, runs: number, kills: number): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'sparsebook-sweeps-'));
  const random = new Random(runs);
  const words = [...tinyNetwork, 'epochs=1', `seed=1..${runs}`];
  const cluster = await start(join(folder, 'killed'));
  const sweep = (data: string, ...more: string[]): ReturnType<typeof sparsebook> =>
    sparsebook(['sweep', ...words, ...more], { ...cluster.env, SPARSEBOOK_DATA: join(folder, data) });
  const died: string[] = [];
  try {
    const alone = await sweep('alone', 'jobs=1', 'threads=1').ended;
    const expected = await trainedWeights(join(folder, 'alone'));
    if (alone.code !== 0) return { tried: runs, held: 0, notes: [alone.stderr, alone.stdout.slice(-1000)] };

    let driver: ReturnType<typeof sparsebook> | undefined;
    for (let kill = 0; kill < kills; kill++) {
      await cluster.repair();
      if (!driver || isOver(driver.child)) driver = sweep('killed', ...cluster.words);
      await pause(500 + 4000 * random.next());
      const all = [driver.child.pid!, ...descendantsOf(driver.child.pid!), ...cluster.processes()];
      const victim = all[Math.floor(random.next() * all.length)];
      try {
        process.kill(victim, 'SIGKILL');
        died.push(victim === driver.child.pid ? 'driver' : 'other');
      } catch {
        // It has ended by itself in the meantime.
      }
      // A lock of a killed process is recognised only once the process is gone.
      await pause(50);
    }
    await cluster.repair();
    let last = await driver!.ended.then(() => sweep('killed', ...cluster.words).ended);
    for (let i = 0; i < 3 && last.code !== 0; i++) last = await sweep('killed', ...cluster.words).ended;
    const found = await trainedWeights(join(folder, 'killed'));
    const same = [...expected].filter(([id, weights]) => found.get(id) === weights).length;
    const drivers = died.filter((who) => who === 'driver').length;
    return {
      tried: runs,
      held: found.size === expected.size && last.code === 0 ? same : 0,
      notes: [
        `${died.length} processes killed, of which ${drivers} handed out the work; ${found.size} runs are there, ${same} with equal bits`,
        ...(last.code === 0 ? [] : [last.stderr, last.stdout.slice(-500)]),
      ],
    };
  } finally {
    await cluster.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

const [RUNS, KILLS] = [
  [12, 200],
  [5, 50],
];
const row = (
  name: string,
  start: (data: string) => Promise<Cluster>,
  missing: () => string | undefined = () => undefined,
): Probe => ({
  name,
  run: async (short) => {
    const reason = missing();
    if (reason !== undefined) return { tried: 0, held: 0, notes: [reason] };
    return killed(start, RUNS[Number(!short)], KILLS[Number(!short)]);
  },
});

export const sweeps: Probe[] = [
  row('processes of a sweep killed: local', local),
  row('processes of a sweep killed: two workers and their Redis server', bullmq, () =>
    spawnSync('redis-server', ['--version']).error
      ? 'there is no redis-server (Debian: apt install redis-server)'
      : undefined,
  ),
  row('processes of a sweep killed: a Slurm cluster of one machine', slurm, noCluster),
];
