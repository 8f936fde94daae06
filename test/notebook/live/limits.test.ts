import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { KeptText, keptText } from 'sparsebook/notebook/run/keptText.js';
import { OutputArea } from 'sparsebook/notebook/run/outputArea.js';
import type { OutputLimits } from 'sparsebook/notebook/run/outputLimits.js';
import { joined } from 'sparsebook/notebook/run';
import type { Message } from 'sparsebook/notebook/kernel';

const limits: OutputLimits = { text: 1000, outputs: 3, representation: 2000 };

const message = (msg_type: string, content: Record<string, unknown>): Message => ({
  header: { msg_id: '', session: '', username: '', date: '', version: '5.3', msg_type },
  parent_header: {},
  metadata: {},
  content,
});
const display = (data: Record<string, unknown>): Message => message('display_data', { data, metadata: {} });

test('of a long text the beginning and the end are kept, with a note that says how much is missing', () => {
  const line = (n: number): string => `line ${n}\n`;
  const text = Array.from({ length: 10_000 }, (_, n) => line(n)).join('');
  const kept = new KeptText(1000);
  for (let n = 0; n < 10_000; n++) kept.add(line(n));
  const [head, tail] = String(kept).split(/…[^…]*…\n/);
  assert.ok(text.startsWith(head) && text.endsWith(tail));
  assert.ok(head.length >= 500 && tail.length >= 400 && String(kept).length < 1400);
  const missing = Number(/([\d,]+) characters are left out/.exec(String(kept))?.[1].replaceAll(',', ''));
  assert.equal(missing, text.length - head.length - tail.length);
  assert.equal(keptText('short', 1000), 'short');
});

test('what is kept never grows beyond the limit, whatever is printed and in whatever pieces', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme', maxLength: 300 }), { maxLength: 40 }), (pieces) => {
      const kept = new KeptText(200);
      for (const piece of pieces) kept.add(piece);
      const text = pieces.join('');
      if (text.length <= 200 && !/[\r\b]/.test(text)) assert.equal(String(kept), text);
      assert.ok(String(kept).length < 200 + 200 + 1200);
      // It throws on half a character.
      encodeURIComponent(String(kept));
    }),
  );
});

test('a progress line that redraws itself a hundred thousand times is not cut', () => {
  const kept = new KeptText(1000);
  kept.add('start\n');
  for (let n = 0; n <= 100_000; n++) kept.add(`\rstep ${n}`);
  assert.equal(String(kept), 'start\nstep 100000');
});

test('beyond the limit outputs are counted, and the last one says how many are missing', () => {
  const area = new OutputArea(new Map(), limits);
  for (let n = 0; n < 5; n++) area.add(display({ 'text/plain': String(n) }));
  const outputs = area.outputs();
  assert.equal(outputs.length, 4);
  const last = outputs[3];
  assert.ok(last.output_type === 'stream');
  assert.match(joined(last.text), /2 further outputs are left out: of one cell the first 3 are kept/);
});

test('a representation that is too large is replaced by a note; a long text in a bundle is cut', () => {
  const area = new OutputArea(new Map(), limits);
  area.add(display({ 'text/html': 'x'.repeat(3000), 'text/plain': 'words' }));
  area.add(display({ 'text/plain': 'y'.repeat(3000) }));
  area.add(display({ 'application/json': { list: Array.from({ length: 1000 }, (_, i) => i) } }));
  const texts = area.outputs().map((output) => {
    assert.ok(output.output_type === 'display_data');
    assert.deepEqual(Object.keys(output.data), ['text/plain']);
    return joined(output.data['text/plain'] as string[]);
  });
  assert.match(texts[0], /^… text\/html of 3,000 characters left out: at most 2,000 are kept …\nwords$/);
  assert.match(texts[1], /2,000 characters are left out/);
  assert.match(texts[2], /application\/json of 3,900 characters left out/);
});

test('a traceback without end is cut too', () => {
  const area = new OutputArea(new Map(), limits);
  area.add(message('error', { ename: 'E', evalue: 'v'.repeat(5000), traceback: Array(1000).fill('    at cell') }));
  const [output] = area.outputs();
  assert.ok(output.output_type === 'error');
  assert.ok(output.evalue.length < 1300 && output.traceback.join('\n').length < 2300);
  assert.match(output.traceback.join('\n'), /characters are left out here/);
});
