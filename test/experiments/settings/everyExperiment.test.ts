import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { UserError } from 'sparsebook/errors.js';
import { protocolSettings, type Protocol } from 'sparsebook/experiments/protocols/protocol.js';
import { protocols } from 'sparsebook/experiments/protocols/protocols.js';
import { settingsOf } from 'sparsebook/experiments/settings/schema.js';
import { fuzzRuns } from '../../fuzz.ts';
import { givenIn, settingWords } from 'sparsebook/experiments/settings/settle.js';
import { givenInWords } from 'sparsebook/experiments/settings/written.js';

for (const experiment of Object.values(protocols) as Protocol[]) {
  const known = settingsOf(experiment.schema);
  const presets = 'preset' in experiment.schema ? ['preset=quick', 'preset=short', 'preset=published'] : ['seed=1'];

  test(`${experiment.name}: every preset's settings keep their rules, and can be given as words`, () => {
    for (const words of [...presets.map((preset) => [preset]), ...presets.map((preset) => [preset, 'ckpt_path=x'])]) {
      const settings = protocolSettings(experiment, givenInWords(words));
      for (const { name, value } of givenIn(settings)) assert.ok(known.get(name)?.rule.accepts(value), name);
      const again = protocolSettings(experiment, givenInWords(settingWords(experiment.schema, settings)));
      assert.deepEqual(again, settings, words.join(' '));
    }
  });

  test(`${experiment.name}: the examples in its help are accepted`, () => {
    for (const example of experiment.examples) {
      const words = example.split(' ').filter((word) => word.includes('='));
      assert.ok(protocolSettings(experiment, givenInWords(words)), example);
    }
  });

  test(`${experiment.name}: whatever is given, the settings keep their rules or a UserError says why not`, () => {
    const value = fc.oneof(
      fc.constantFrom('true', 'false', 'null', '0', '1', '0.5', '-1', '1e9', '[1,2]', '3,4', 'quick', 'constant', 'x'),
      fc.double().map(String),
      fc.string({ maxLength: 8 }),
    );
    const word = fc.tuple(fc.constantFrom(...known.keys()), value).map((pair) => pair.join('='));
    const words = fc.uniqueArray(fc.oneof(word, word, word, fc.string({ maxLength: 12 })), {
      maxLength: 5,
      selector: (each) => each.split('=')[0],
    });
    fc.assert(
      fc.property(words, (given) => {
        try {
          const settings = protocolSettings(experiment, givenInWords(given));
          for (const { name, value } of givenIn(settings)) assert.ok(known.get(name)?.rule.accepts(value), name);
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
        }
      }),
      { numRuns: fuzzRuns(500) },
    );
  });
}
