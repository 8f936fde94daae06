// Kills during saves, and disks that fill up at every size: the old or the new version stays, whole.
import assert from 'node:assert/strict';
import * as tf from '@tensorflow/tfjs';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { uniform } from 'sparsebook/backend/random.js';
import { saveOnnx } from 'sparsebook/compact/export/onnx.js';
import { saveSafetensors } from 'sparsebook/compact/export/safetensors.js';
import { saveTfjs } from 'sparsebook/compact/export/tfjs.js';
import { startServer } from 'sparsebook/notebook/live/server/startServer.js';
import { notebookText, readNotebook, writeNotebook } from 'sparsebook/notebook/run/notebookFile.js';
import { joined, type Notebook } from 'sparsebook/notebook/run/notebook.js';
import { loadCheckpoint } from 'sparsebook/training/checkpoint/loadCheckpoint.js';
import { saveCheckpoint } from 'sparsebook/training/checkpoint/saveCheckpoint.js';
import { codeCell, notebookOf } from '../notebook/report/fixture.ts';
import { sparsebook } from '../sparsebook.ts';
import { fullAfter } from '../platform/failingFiles.ts';
import { sample } from '../training/checkpoint/sample.ts';
import { writeFileWhole, newFile } from 'sparsebook/platform/writeFile.js';
import { each, upTo, type Outcome, type Probe } from './probe.ts';

const scratch = (): string => mkdtempSync(join(tmpdir(), 'sparsebook-torture-'));
const hidden = (dir: string): string[] => readdirSync(dir).filter((name) => name.startsWith('.'));

/** Kills a writer of notebooks at random moments; the last version that it reported, or a later one, must be there. */
async function killWriters(tries: number): Promise<Outcome> {
  const dir = scratch();
  const file = join(dir, 'n.ipynb');
  let saved = -1;
  const outcome = await each(upTo(tries), async (n) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'writer.mjs'), file, String(saved + 1)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    await once(child.stdout, 'data');
    await sleep(60 * uniform(7, n));
    child.kill('SIGKILL');
    await once(child, 'close');
    saved = Number(said.trim().split('\n').slice(1).at(-1) ?? saved);
    if (saved < 0) return;
    const [cell] = (await readNotebook(file)).cells;
    const there = Number.parseInt([cell.source].flat().join(''));
    assert.ok(there >= saved, `${saved} was said to be saved, ${there} is there`);
    saved = there;
  });
  await writeNotebook(file, notebookOf());
  const left = hidden(dir);
  rmSync(dir, { recursive: true });
  if (left.length > 0) outcome.notes?.push(`left beside the notebook: ${left.join(', ')}`);
  return left.length > 0 ? { ...outcome, held: 0 } : outcome;
}

const talking = (): Notebook =>
  notebookOf(
    ...upTo(4).map((n) =>
      codeCell(
        `for (let i = 0; i < 30; i++) { console.log(String(${n}).repeat(3000)); await new Promise((f) => setTimeout(f, 5)); }`,
        {
          id: `c${n}`,
          execution_count: null,
        },
      ),
    ),
  );

/** Kills `sparsebook run` at random moments of its work. */
async function killRuns(tries: number): Promise<Outcome> {
  const dir = scratch();
  const outcome = await each(upTo(tries), async (n) => {
    const file = join(dir, `run-${n}.ipynb`);
    writeFileSync(file, notebookText(talking()));
    const { child, ended } = sparsebook(['run', file]);
    await sleep(600 + 2400 * uniform(8, n));
    child.kill('SIGKILL');
    await ended;
    const { cells } = await readNotebook(file);
    assert.equal(cells.length, 4, `${cells.length} cells of 4 are left`);
  });
  rmSync(dir, { recursive: true });
  return outcome;
}

/** A file system of a few hundred kilobytes, if this user may mount one. */
function smallDisk(kilobytes: number): { dir: string; remove: () => void } | undefined {
  const dir = scratch();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'tmpfs', dir], { stdio: 'ignore' });
  } catch {
    rmSync(dir, { recursive: true });
    return undefined;
  }
  return { dir, remove: () => (execFileSync('umount', [dir]), rmSync(dir, { recursive: true })) };
}

const SIZES = 20;
const bulky = (letter: string): Notebook => notebookOf(codeCell(`'${letter.repeat(60_000)}'`, { id: 'a' }));
const network = (units: number): tf.LayersModel =>
  tf.sequential({ layers: [tf.layers.dense({ units, inputShape: [64] }), tf.layers.dense({ units: 2 })] });

interface Saved {
  what: string;
  /** Overwrites something that exists; rejects with a UserError if there is no room. */
  save: (dir: string) => Promise<unknown>;
  before: (dir: string) => Promise<unknown>;
  /** Reads what was saved; throws unless it is whole. */
  read: (dir: string) => Promise<string>;
}

const bytesOf = (path: string): string => readFileSync(path).toString('base64');

const saves: Saved[] = [
  {
    what: 'a notebook',
    before: (dir) => writeNotebook(join(dir, 'n.ipynb'), bulky('a')),
    save: (dir) => writeNotebook(join(dir, 'n.ipynb'), bulky('b')),
    read: async (dir) => notebookText(await readNotebook(join(dir, 'n.ipynb'))),
  },
  {
    what: 'a checkpoint',
    before: (dir) => saveCheckpoint(dir, 'same', large(1)),
    save: (dir) => saveCheckpoint(dir, 'same', large(2)),
    read: async (dir) => String((await loadCheckpoint(join(dir, 'same'))).step),
  },
  {
    what: 'an ONNX file',
    before: (dir) => saveOnnx(network(200), join(dir, 'm.onnx')),
    save: (dir) => saveOnnx(network(220), join(dir, 'm.onnx')),
    read: (dir) => Promise.resolve(bytesOf(join(dir, 'm.onnx'))),
  },
  {
    what: 'a safetensors file',
    before: (dir) => saveSafetensors(network(200), join(dir, 'm.safetensors')),
    save: (dir) => saveSafetensors(network(220), join(dir, 'm.safetensors')),
    read: (dir) => Promise.resolve(bytesOf(join(dir, 'm.safetensors'))),
  },
  {
    what: 'a tfjs folder',
    before: (dir) => saveTfjs(network(200), join(dir, 'm')),
    save: (dir) => saveTfjs(network(220), join(dir, 'm')),
    read: (dir) => Promise.resolve(bytesOf(join(dir, 'm', 'model.json')) + bytesOf(join(dir, 'm', 'weights.bin'))),
  },
  {
    what: 'a live notebook',
    before: (dir) => writeNotebook(join(dir, 'n.ipynb'), bulky('a')),
    save: liveSave,
    read: async (dir) => notebookText(await readNotebook(join(dir, 'n.ipynb'))),
  },
];

function large(step: number): ReturnType<typeof sample> {
  const values = new Float32Array(20_000).fill(step);
  return { ...sample(step), weights: new Map([['w', { shape: [20_000], values }]]) };
}

/**
 * Edits and saves a notebook on the live server, which must report if it could not, and closes the server: unsaved
 * changes are then kept whole, in the draft or, if the draft has no room, in the system's temporary folder.
 */
async function liveSave(dir: string): Promise<void> {
  const server = await startServer({ folder: dir, port: 0 });
  const session = await server.notebooks.at('n.ipynb');
  const edited = `'${'b'.repeat(60_000)}'`;
  session.document.cell('a').edit(edited, 'test');
  session.changed();
  const saved = await session.save();
  const { note } = session.status.get();
  const said = (await server.close()).join('\n');
  if (saved) return assert.equal(said, '');
  const draft = join(dir, '.n.draft.ipynb');
  const kept = existsSync(draft) ? draft : (/saved as (\S+)/.exec(said)?.[1] ?? said);
  assert.equal(joined((await readNotebook(kept)).cells[0].source), edited);
  rmSync(kept);
  throw new Error(note);
}

/**
 * Overwrites something on disks of 20 sizes: afterwards it must be the old version or, if the save succeeded, the new
 * one.
 */
async function fillDisks({ what, before, save, read }: Saved, sizes: number[]): Promise<Outcome> {
  return each(sizes, async (size) => {
    const disk = smallDisk(1200);
    if (!disk) throw new Error('no file system may be mounted here');
    try {
      await before(disk.dir);
      const old = await read(disk.dir);
      writeFileSync(join(disk.dir, 'filler'), Buffer.alloc(freeOn(disk.dir) - 4096 * size * 2));
      const failed = await save(disk.dir).then(
        () => undefined,
        (error: Error) => error.message,
      );
      const now = await read(disk.dir);
      assert.deepEqual(hidden(disk.dir), [], `left beside ${what}`);
      if (failed === undefined) assert.notEqual(now, old, `${what}: said to be saved, and is not`);
      else {
        assert.ok(now === old, `${what}: the old one is gone after "${failed}"`);
        assert.match(failed, /ENOSPC/, `${what}: the cause is not named`);
      }
    } finally {
      disk.remove();
    }
  });
}

function freeOn(dir: string): number {
  const [, row] = execFileSync('df', ['--output=avail', '-B1', dir], { encoding: 'utf8' }).trim().split('\n');
  return Number(row);
}

/** The same with an injected file system, if none may be mounted. */
function fillInjected(sizes: number[]): Promise<Outcome> {
  const dir = scratch();
  const path = join(dir, 'file');
  return each(sizes, async (size) => {
    rmSync(path, { force: true });
    const failed = await writeFileWhole(path, 'x'.repeat(20_000), newFile, fullAfter(size * 1000)).then(
      () => 'written',
      String,
    );
    assert.match(failed, /ENOSPC/, `20000 bytes on ${size * 1000}: ${failed}`);
    assert.deepEqual(readdirSync(dir), []);
  }).finally(() => rmSync(dir, { recursive: true }));
}

const mayMount = (): boolean => {
  const disk = smallDisk(64);
  disk?.remove();
  return disk !== undefined;
};

export const writing: Probe[] = [
  { name: 'a writer of notebooks is killed at a random moment', run: (short) => killWriters(short ? 8 : 200) },
  { name: 'sparsebook run is killed at a random moment', run: (short) => killRuns(short ? 2 : 25) },
  ...saves.map((saved): Probe => ({
    name: `the disk is full at one of ${SIZES} sizes while ${saved.what} is saved`,
    run: async (short) => {
      const sizes = upTo(SIZES).filter((size) => !short || size % 5 === 0);
      if (mayMount()) return fillDisks(saved, sizes);
      return { ...(await fillInjected(sizes)), notes: ['no file system may be mounted here: an injected one'] };
    },
  })),
];
