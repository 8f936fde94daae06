import assert from 'node:assert/strict';
import { test } from 'node:test';
import { showProgress } from 'sparsebook/cli/run.js';
import { bar } from 'sparsebook/cli/output.js';
import type { CellPlace, RunEvent } from 'sparsebook/notebook/run/events.js';

const place: CellPlace = { index: 4, number: 2, total: 4, title: 'Training at two lambdas' };
const printed = (text: string): RunEvent => {
  const header = { msg_id: '', session: '', username: '', date: '', version: '', msg_type: 'stream' };
  return { type: 'message', place, message: { header, parent_header: {}, metadata: {}, content: { text } } };
};
const fault = { kind: 'error' as const, cell: 2, title: place.title, cause: 'Error', traceback: [] };

function shown(isTTY: boolean, ...events: RunEvent[]): string {
  let text = '';
  const write = (piece: unknown): boolean => ((text += String(piece)), true);
  const progress = showProgress({ isTTY, columns: 60, write });
  events.forEach(progress.onEvent);
  progress.close();
  return text;
}

const events: RunEvent[] = [
  { type: 'start', file: 'a', output: 'a', total: 4 },
  { type: 'kernelReady', kernel: 'TypeScript', seconds: 1.2 },
  { type: 'cellStart', place },
  printed('epoch 1\nepoch 2\r\x1b[32mepoch 3\x1b[0m\n'),
  { type: 'cellEnd', place, seconds: 75, fault },
];

test('outside a terminal every finished cell is one plain line', () => {
  const lines = 'TypeScript is up after 1.2 s\ncell 2 of 4: Training at two lambdas (1:15 min, failed)\n';
  assert.equal(shown(false, ...events), lines);
});

test('on a terminal one line is rewritten, keeps to the width, and is removed at the end', () => {
  const text = shown(true, ...events);
  assert.doesNotMatch(text, /\n/);
  const drawn = text.split('\r\x1b[K').slice(1);
  assert.match(drawn[0], /^░{20} starting the kernel · 0.0 s$/);
  assert.match(drawn[1], /^█{5}░{15} cell 2 of 4: Training at two lam/);
  for (const line of drawn) assert.ok(Array.from(line).length < 60, line);
  assert.equal(drawn.at(-1), '');
});

test('a progress bar stays within its ends', () => {
  assert.deepEqual(
    [-1, 0, 0.5, 1, 7].map((share) => bar(share).indexOf('░')),
    [0, 0, 10, -1, -1],
  );
});
