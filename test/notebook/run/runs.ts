import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runNotebook, type RunOptions } from 'sparsebook/notebook/run/runNotebook.js';
import type { Notebook, Output } from 'sparsebook/notebook/run/notebook.js';
import type { RunResult } from 'sparsebook/notebook/run/events.js';

export const fixtures = join(import.meta.dirname, '..', '..', 'fixtures', 'notebooks');
const scratch = mkdtempSync(join(tmpdir(), 'sparsebook-runs-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

export const scratchFile = (name: string): string => join(scratch, name);

/** Runs a fixture into a scratch file. */
export function runFixture(name: string, options: Partial<RunOptions> = {}): Promise<RunResult> {
  return runNotebook({ notebook: join(fixtures, `${name}.ipynb`), output: scratchFile(`${name}.ipynb`), ...options });
}

export const saved = (file: string): Notebook => JSON.parse(readFileSync(file, 'utf8')) as Notebook;

/** The outputs of the n-th code cell of a saved notebook. */
export function outputsOf(notebook: Notebook, n: number): Output[] {
  const cell = notebook.cells.filter((candidate) => candidate.cell_type === 'code')[n - 1];
  assert.ok(cell?.cell_type === 'code');
  return cell.outputs;
}

/** What the n-th code cell printed to stdout. */
export function printed(notebook: Notebook, n: number): string {
  return outputsOf(notebook, n)
    .map((output) => (output.output_type === 'stream' && output.name === 'stdout' ? [output.text].flat().join('') : ''))
    .join('');
}

/** The kernels of this user below a process that is (or was) `parent`. */
export function kernelsOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
        return environment.includes(`\0JPY_PARENT_PID=${parent}\0`);
      } catch {
        return false;
      }
    });
}
