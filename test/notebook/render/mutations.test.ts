import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { UserError } from 'sparsebook';
import { LiveDocument } from 'sparsebook/notebook/live/document/liveDocument.js';
import { rendererIn } from 'sparsebook/notebook/live/document/renderer.js';
import { Clock } from 'sparsebook/notebook/live/document/slice.js';
import { renderReport } from 'sparsebook/notebook/report/renderReport.js';
import { parseNotebook } from 'sparsebook/notebook/run/notebookFile.js';
import type { Notebook } from 'sparsebook/notebook/run/notebook.js';
import { fuzzRuns } from '../../fuzz.ts';
import { mutatedNotebook, mutatedNotebooks } from '../mutatedNotebooks.ts';

const allowed = /^<(script type="(application\/json|text\/plain)"|link rel="icon"|meta (charset|http-equiv|name)=")/;
const forbidden = /^<(script|iframe|object|embed|form|base|meta|link|style|input|video|audio)\b/i;

/** Tags of a page, from the end of its head to its own scripts, that would run or load something. */
function dangers(html: string): string[] {
  const body = html.slice(html.indexOf('<body>'), html.lastIndexOf('</footer>'));
  const tags = body.match(/<[a-z](?:[^"'>]|"[^"]*"|'[^']*')*>/gi) ?? [];
  return tags.filter((tag) => {
    const names = tag.replace(/"[^"]*"|'[^']*'/g, '');
    const address = /\s(?:href|src)="\s*(?:javascript|vbscript|data:text)/i.test(tag);
    return (forbidden.test(tag) && !allowed.test(tag)) || /\son\w+\s*=/i.test(names) || address;
  });
}

/** The notebook, or undefined if it is refused with a proper message. */
function parsed(text: string): Notebook | undefined {
  try {
    return parseNotebook(Buffer.from(text), 'mutated.ipynb');
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    assert.match(error.message, /^mutated\.ipynb is not a notebook: /);
    return undefined;
  }
}

test('the check for dangers finds them', () => {
  const page = (html: string): string => `<head></head><body>${html}<footer></footer></body>`;
  const bad = ['<script>x</script>', '<p onclick="x">', '<meta http-equiv=refresh>', '<a href="javascript:x">'];
  for (const html of bad) assert.equal(dangers(page(html)).length, 1, html);
  assert.deepEqual(dangers(page('<p title="<script> onclick=x">&lt;script&gt;</p>')), []);
});

test('whatever is wrong in a notebook, it is refused with a message or its pages, saved and live, are rendered, and nothing in it runs', () => {
  let rendered = 0;
  fc.assert(
    fc.property(mutatedNotebooks, (text) => {
      const notebook = parsed(text);
      if (!notebook) return;
      rendered++;
      assert.deepEqual(dangers(renderReport(notebook, { name: 'mutated' })), []);
      const { cells } = new LiveDocument(new Clock(), notebook).since(
        0,
        rendererIn(import.meta.dirname, () => notebook.cells),
      );
      const sent = Object.values(cells).flatMap(({ text, outputs }) => [
        text?.html ?? '',
        ...Object.values(outputs?.changed ?? {}),
      ]);
      assert.deepEqual(dangers(`<body>${sent.join('')}`), []);
    }),
    { numRuns: fuzzRuns(60) },
  );
  assert.ok(rendered > 10);
});

test('a seed always gives the same notebook', () => {
  assert.equal(mutatedNotebook(7), mutatedNotebook(7));
  assert.notEqual(mutatedNotebook(7), mutatedNotebook(8));
});
