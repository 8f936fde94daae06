// Runs that never took place, and a server for their page.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { RunsPatch } from 'sparsebook/notebook/runs/protocol.js';
import { startRunsServer } from 'sparsebook/notebook/runs/startRunsServer.js';
import type { RunFolder } from 'sparsebook/training/log/runFolder.js';
import { temporaryFolder } from '../../training/checkpoint/sample.ts';
import { begun, end, epoch, logAll, start, step } from '../../training/log/events.ts';
import { keyIn } from '../live/site.ts';

/** Logs a finished run of so many epochs with two steps each, and closes it. */
export async function loggedRun(dir: string, settings: object, epochs = 2): Promise<void> {
  await logAll(await begun(dir, settings), [start(), ...epochsFrom(0, epochs), end(2 * epochs)]);
}

export const epochsFrom = (first: number, count: number): Parameters<typeof logAll>[1] =>
  Array.from({ length: count }, (_, i) => first + i).flatMap((at) => [step(2 * at + 1), step(2 * at + 2), epoch(at)]);

/** Adds an epoch to a running run. */
export async function logEpoch(run: RunFolder, at: number): Promise<void> {
  for (const event of epochsFrom(at, 1)) await run.log(event);
}

/** The record of a finished run. */
export function writeRecord(
  dir: string,
  record: { name?: string; tags?: string[]; accuracy: number; settings: object },
): void {
  const { name = null, tags = [], accuracy, settings } = record;
  const size = { dense: 10, left: 5 };
  const scores = { accuracy, loss: 1, images: 100 };
  const whole = {
    ...{
      format: 'sparsebook record',
      version: 1,
      run: 'x',
      name,
      tags,
      experiment: 'l0-googlenet',
      network: 'googlenet',
    },
    ...{
      methods: [],
      seed: 1,
      settings,
      data: { name: 'd', hash: 'h' },
      selected: {},
      validation: scores,
      test: scores,
    },
    ...{ sparsity: { complete: 0.25 }, parameters: size, multiply_adds: size, channels: { all: 8, closed: 2 } },
    ...{ last: null, epochs: 2, steps: 4, machine: 'm', date: '2026-01-31T12:00:00.000Z' },
  };
  writeFileSync(join(dir, 'record.json'), JSON.stringify(whole));
}

/** A folder of runs and the server for their page, both gone after the test. */
export class RunsSite {
  cookie = '';
  key = '';
  readonly root: string;
  readonly address: string;

  private constructor(root: string, address: string) {
    this.root = root;
    this.address = address;
  }

  static async open(
    t: TestContext,
    fill: (root: string) => Promise<void> = () => Promise.resolve(),
  ): Promise<RunsSite> {
    const root = join(temporaryFolder(t), 'runs');
    mkdirSync(root);
    await fill(root);
    const server = await startRunsServer(root, 'data/runs', 0);
    t.after(() => server.close());
    const site = new RunsSite(root, server.address('/'));
    const page = await fetch(site.address);
    site.cookie = page.headers.get('set-cookie')?.split(';')[0] ?? '';
    site.key = keyIn(await page.text());
    return site;
  }

  /** Sends a request with the page's cookie and key, unless `headers` override them. */
  ask(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(new URL(path, this.address), { headers: { cookie: this.cookie, 'x-key': this.key, ...headers } });
  }

  /** Requests the changes since a patch, and the changes of curves since the given versions. */
  async since(seen?: RunsPatch, runs: Record<string, number> = {}): Promise<RunsPatch> {
    const asked = new URLSearchParams({ seen: seen ? `${seen.epoch}:${seen.version}` : '' });
    for (const [id, version] of Object.entries(runs)) asked.append('run', `${id}:${version}`);
    const answer = await this.ask(`/api/runs?${asked.toString()}`);
    if (!answer.ok) throw new Error(await answer.text());
    return (await answer.json()) as RunsPatch;
  }
}

/** Asks again and again until the answer meets a condition. */
export async function until<T>(ask: () => Promise<T>, is: (value: T) => boolean): Promise<T> {
  for (const end = performance.now() + 60_000; ;) {
    const value = await ask();
    if (is(value)) return value;
    if (performance.now() > end) throw new Error(`in vain: ${JSON.stringify(value).slice(0, 2000)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
