// Cells that never stop printing: the outputs kept are bounded, in the runner and in the live server, and so is the
// memory of both.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from 'sparsebook/notebook/jupyter/kernelSpec.js';
import { notebookText, readNotebook } from 'sparsebook/notebook/run/notebookFile.js';
import { codeCell, notebookOf } from '../notebook/report/fixture.ts';
import { keyIn } from '../notebook/live/site.ts';
import { sparsebook } from '../sparsebook.ts';
import { each, type Outcome, type Probe } from './probe.ts';

const MEGABYTE = 2 ** 20;
/** Limits for the memory of the runner or the server, and for the outputs saved in the file. */
const MOST_MEMORY = 500 * MEGABYTE;
const MOST_SAVED = 60 * MEGABYTE;

/** The cells, with as many repetitions as a short or a full run needs. */
const cells: [what: string, source: (short: boolean) => string][] = [
  [
    'a million displays',
    (short) => `for (let i = 0; i < ${short ? 10_000 : 1_000_000}; i++) tslab.display.text(String(i));`,
  ],
  ['a line of 200 MB', (short) => `console.log('x'.repeat(${short ? 10_000_000 : 200_000_000}));`],
  [
    '60 displays of 9 MB of HTML',
    (short) =>
      `for (let i = 0; i < ${short ? 4 : 60}; i++) tslab.display.html('<p>' + 'y'.repeat(9_000_000) + '</p>');`,
  ],
  ['ten million lines', (short) => `for (let i = 0; i < ${short ? 100_000 : 10_000_000}; i++) console.log('line', i);`],
  [
    'one display, updated a hundred thousand times',
    (short) =>
      `const d = tslab.newDisplay(); for (let i = 0; i < ${short ? 1000 : 100_000}; i++) d.text(String(i).repeat(100));`,
  ],
];

const source = (cell: string): string => `import * as tslab from 'tslab';\n${cell}\nconsole.log('the end');`;

/** The peak memory of a process so far, in bytes; undefined if the system does not report it. */
function peakOf(pid: number): number | undefined {
  try {
    const [, kilobytes] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return kilobytes === undefined ? undefined : 1024 * Number(kilobytes);
  } catch {
    return undefined;
  }
}

/** Watches a process until `work` is done; resolves with its peak memory. */
async function peakDuring(child: ChildProcess, work: Promise<unknown>): Promise<number> {
  let peak = 0;
  const timer = setInterval(() => (peak = Math.max(peak, peakOf(child.pid ?? 0) ?? 0)), 50);
  await work.finally(() => clearInterval(timer));
  return peak;
}

async function checkSaved(file: string): Promise<void> {
  const { size } = statSync(file);
  assert.ok(size < MOST_SAVED, `${(size / MEGABYTE).toFixed(0)} MB were saved`);
  const [cell] = (await readNotebook(file)).cells;
  assert.ok(cell.cell_type === 'code' && cell.outputs.length > 0, 'nothing of the outputs is there');
}

const folder = (): string => mkdtempSync(join(packageRoot, 'dist', 'torture-'));

/** In short runs each flood goes either to the runner or to the server. */
const half = (short: boolean, rest: number): typeof cells => cells.filter((_, i) => !short || i % 2 === rest);

async function floodRunner(short: boolean): Promise<Outcome> {
  const dir = folder();
  const peaks: string[] = [];
  const outcome = await each(half(short, 0), async ([what, make]) => {
    const file = join(dir, 'n.ipynb');
    writeFileSync(file, notebookText(notebookOf(codeCell(source(make(short)), { id: 'a', execution_count: null }))));
    const { child, ended } = sparsebook(['run', file, '--cell-timeout', '240']);
    const peak = await peakDuring(child, ended);
    const { code, stderr } = await ended;
    peaks.push(`${what}: ${(peak / MEGABYTE).toFixed(0)} MB`);
    assert.equal(code, 0, `${what}: ${stderr}`);
    assert.ok(peak < MOST_MEMORY, `${what}: the runner took ${(peak / MEGABYTE).toFixed(0)} MB`);
    await checkSaved(file);
  }).finally(() => rmSync(dir, { recursive: true }));
  return { ...outcome, notes: [...(outcome.notes ?? []), `peaks of memory: ${peaks.join('; ')}`] };
}

/** Runs a cell on its own live server, as a page does; resolves with the peak memory of the server. */
async function floodOne(source: string): Promise<number> {
  const dir = folder();
  const file = join(dir, 'n.ipynb');
  writeFileSync(file, notebookText(notebookOf(codeCell(source, { id: 'a', execution_count: null }))));
  const server = spawn(process.execPath, ['dist/cli.js', 'open', file, '--no-browser'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  const address = await new Promise<URL>((resolve, reject) => {
    server.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const [found] = /http:\/\/\S+/.exec(said) ?? [];
      if (found) resolve(new URL(found));
    });
    server.on('close', () => reject(new Error(said)));
  });
  const page = await fetch(address);
  const key = keyIn(await page.text());
  const headers = { cookie: page.headers.getSetCookie()[0].split(';')[0], 'x-key': key, origin: address.origin };
  const command = (body: object): Promise<Response> =>
    fetch(`${address.origin}/api/commands/n.ipynb`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  try {
    const events = await fetch(`${address.origin}/api/events/n.ipynb`, { headers });
    assert.equal((await command({ do: 'run', ids: ['a'] })).status, 200);
    let tail = '';
    // Reads what the page receives until the cell is done.
    for await (const chunk of events.body!.pipeThrough(new TextDecoderStream())) {
      tail = (tail + chunk).slice(-2_000_000);
      if (/"a":\{[^}]*"run":\{"state":"idle","count":\d/.test(tail)) break;
    }
    assert.equal((await fetch(`${address.origin}/api/notebooks`, { headers })).status, 200, said);
    await command({ do: 'save' });
    await checkSaved(file);
    return peakOf(server.pid ?? 0) ?? 0;
  } finally {
    server.kill('SIGTERM');
    await new Promise((resolve) => server.once('close', resolve));
    rmSync(dir, { recursive: true });
  }
}

async function floodServer(short: boolean): Promise<Outcome> {
  const peaks: string[] = [];
  const outcome = await each(half(short, 1), async ([what, make]) => {
    const peak = await floodOne(source(make(short)));
    peaks.push(`${what}: ${(peak / MEGABYTE).toFixed(0)} MB`);
    assert.ok(peak < MOST_MEMORY, `${what}: the server took ${(peak / MEGABYTE).toFixed(0)} MB`);
  });
  return { ...outcome, notes: [...(outcome.notes ?? []), `peaks of memory: ${peaks.join('; ')}`] };
}

export const floods: Probe[] = [
  { name: 'floods of output, in the runner (under 500 MB)', run: floodRunner },
  { name: 'floods of output, in the live server (under 500 MB)', run: floodServer },
];
