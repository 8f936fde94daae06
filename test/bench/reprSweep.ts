// Trains C3 with and without RePr, with and without crops, from three seeds each, and saves what came out beside notebook 03:
//   npm run sweep:repr -- data=cifar10
// part=variants makes one run each of the other ways to choose filters and to bring them back. Any setting of the experiment can
// be given as well (width=0.5 sizes.train=12000 were, for the variants saved); what is saved is not trained again.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { useBackend } from 'sparsebook/backend';
import { loadData, presentData } from 'sparsebook/data';
import { reprSettings, trainAndRecord, type ReprRecord, type ReprSweep } from 'sparsebook/experiments';
import { experimentSettings } from 'sparsebook/experiments/experimentSettings.js';
import { reprExperiment } from 'sparsebook/experiments/repr/reprExperiment.js';
import { reprRun } from 'sparsebook/experiments/repr/reprRun.js';
import { givenInWords } from 'sparsebook/experiments/settings/givenInWords.js';
import { readAssignments } from 'sparsebook/formats/text.js';

const {
  data: source = presentData(),
  output = 'notebooks/outputs/03-repr-c3',
  part = 'runs',
  ...given
} = readAssignments(process.argv.slice(2));

/** The words of one run after its name. */
type Plan = [name: string, ...words: string[]];

const four: Plan[] = [
  ['RePr, crop'],
  ['standard, crop', 'standard=true'],
  ['RePr, no crop', 'crop=false'],
  ['standard, no crop', 'standard=true', 'crop=false'],
];
const plans: Record<string, Plan[]> = {
  // Seed by seed, so that a part of the sweep already compares all four.
  runs: [0, 1, 2].flatMap((seed) => four.map((plan): Plan => [...plan, `seed=${seed}`])),
  variants: [
    ['next layer zero'],
    ['next layer random', 'repr.next_layer=random'],
    ['next layer keep', 'repr.next_layer=keep'],
    ['reverse', 'repr.reverse=true'],
    ['per layer', 'repr.ranking=perLayer'],
    ['depth normalised', 'repr.ranking=depthNormalised'],
    ['standard', 'standard=true'],
  ],
};

const settingsOf = (words: string[]) =>
  experimentSettings(
    reprExperiment,
    givenInWords(['preset=short', ...Object.entries(given).map((each) => each.join('=')), ...words]),
  );

const { description } = await useBackend({ backend: 'simd' });
const { sizes } = settingsOf([]);
const data = await loadData(source, {
  sizes: Object.fromEntries(Object.entries(sizes).filter(([, size]) => size !== null)),
});
const file = join(output, `${part}-${source === 'synthetic' ? 'synthetic' : 'cifar10'}.json`);
mkdirSync(output, { recursive: true });
const before = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as ReprSweep).runs : [];
const runs: ReprRecord[] = [];
/** A record a line. */
const save = (records: ReprRecord[]): void => {
  writeFileSync(file, `{"runs": [\n${records.map((record) => JSON.stringify(record)).join(',\n')}\n]}\n`);
};
for (const [name, ...words] of plans[part]) {
  const settings = settingsOf(words);
  const own = Object.fromEntries(Object.entries(settings).filter(([key]) => key in reprSettings()));
  const saved = before.find(
    (record) =>
      record.run === name &&
      record.data === data.name &&
      record.images.train === data.train.labels.length &&
      isDeepStrictEqual(record.settings, own),
  );
  const record = saved ?? (await trainAndRecord(name, description, reprRun(data, settings)));
  runs.push(record);
  save([...runs, ...before.filter((record) => !runs.includes(record))]);
  const { best, last, seconds } = record;
  console.log(
    `${name}, seed ${settings.seed}: epoch ${best.epoch} of ${settings.epochs} is best on validation (${best.validation}), ` +
      `test ${best.test}; last test ${last.test}; ${saved ? 'saved before' : `${seconds} s`}`,
  );
}
save(runs);
