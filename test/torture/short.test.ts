import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attackPage } from './page.ts';
import { documents } from './documents.ts';
import { floods } from './floods.ts';
import { writing } from './writing.ts';

// Resumed trainings, hostile structures and mutated notebooks as reports (notebook/render/mutations) have their own
// tests, with at least as many cases as these rows.
const inKernelAndServer = documents.filter(({ name }) => !name.endsWith('as a report'));
for (const { name, run } of [...writing, ...inKernelAndServer, ...floods, ...attackPage]) {
  test(name, async (t) => {
    const { tried, held, notes = [] } = await run(true);
    for (const note of notes) t.diagnostic(note);
    if (tried === 0) return t.skip(notes.join());
    assert.equal(held, tried, notes.join('\n'));
  });
}
