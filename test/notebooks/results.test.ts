// No text states a result of ours that no record contains.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { cellsOf } from './cells.ts';
import { filled, markedResults, pages, results, unmarkedResults } from './results.ts';

/** Numbers in texts that are no results of ours: settings, published values, and consequences by arithmetic. */
const stated: Readonly<Record<string, readonly string[]>> = {
  README: ['about 60 % of its parameters gone', '95 % of its weights held at 0'],
  '01-l0-googlenet': [
    'has lost 39 %', // published
    'that has lost 22 %',
    'an accuracy of 90 % is known to about ±1.9 points', // of 1,000 images
  ],
  '02-ista-resnet20': [
    '91.16 % right after pruning and 90.60 % after fine-tuning', // published
    'known to about ±0.8 points', // of 5,000 images
  ],
  '04-freeze-prune-resnet18': [
    'at 10, 20 and 30 %', // settings
    '11,219,112 weights: 62 %', // by the formula above it
    'first 10, 20 and 30 % of the 22 kernels',
    '0.7, 1.4 and 3.4 %', // of the weights
  ],
};

const notebooks = readdirSync('notebooks').filter((name) => name.endsWith('.ipynb'));
const texts = [
  ...pages.map((page): [string, string] => [page.replace('.md', ''), readFileSync(page, 'utf8')]),
  ...notebooks.map((file): [string, string] => {
    const name = file.replace('.ipynb', '');
    const prose = cellsOf(name).filter(({ code }) => !code);
    return [name, prose.map(({ text }) => text).join('\n\n')];
  }),
] as const;

/** Without anything that a formatter may change: spaces, and the dashes below a table's head. */
const plain = (text: string): string => text.replaceAll(/\s+/g, ' ').replaceAll(/-{3,}/g, '---').trim();

for (const [name, text] of texts) {
  test(`${name} reports the records' numbers, with n and interval`, () => {
    for (const { name, said } of markedResults(text)) {
      assert.ok(name in results, `no records are known for the result '${name}'`);
      assert.equal(plain(said), plain(results[name]()), `'${name}' has changed: npm run results`);
    }
  });
}

for (const [name, text] of texts) {
  if (name.startsWith('docs/')) continue; // they also report measurements that have no record
  test(`${name} reports no other numbers`, () => {
    const own = stated[name] ?? [];
    for (const words of own) assert.ok(text.includes(words), `'${words}' is no longer in the text: remove it here too`);
    assert.deepEqual(unmarkedResults(text, own), []);
  });
}

test('these checks find the faults they look for', () => {
  assert.deepEqual(unmarkedResults('It is right on 91.2 % of them.\nBy 2 points.\n`70 %`, 95 % intervals'), [
    'It is right on 91.2 % of them.',
    'By 2 points.',
  ]);
  const text = 'RePr: <!-- results: repr-crop -->1 point<!-- /results -->.';
  assert.deepEqual(markedResults(text), [{ name: 'repr-crop', said: '1 point' }]);
  assert.deepEqual(unmarkedResults(text), []);
  assert.match(
    filled(text),
    /^RePr: <!-- results: repr-crop -->−?\d\.\d ± \d\.\d points \(n = 3\)<!-- \/results -->\.$/,
  );
  assert.throws(() => filled('<!-- results: nothing -->90 %<!-- /results -->'), /no records are known .*'nothing'/);
});
