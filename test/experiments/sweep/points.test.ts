// The points of a sweep: words and files become points, or a sentence that says what is wrong and where.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { secondsOfAll } from 'sparsebook/experiments/sweep/estimate.js';
import { splitWords } from 'sparsebook/experiments/sweep/options.js';
import { pointsOf, titleOf, type SweepPoint } from 'sparsebook/experiments/sweep/points.js';
import { readSpec } from 'sparsebook/experiments/sweep/spec.js';

const folder = mkdtempSync(join(tmpdir(), 'sparsebook-spec-'));
after(() => rmSync(folder, { recursive: true }));

function yaml(text: string): string {
  const file = join(folder, 'own.yaml');
  writeFileSync(file, text);
  return file;
}

const inWords = async (...words: string[]): Promise<SweepPoint[]> => pointsOf(await readSpec(words, {}));
const inFile = async (text: string, ...words: string[]): Promise<SweepPoint[]> =>
  pointsOf(await readSpec(words, { file: yaml(text) }));
const c3 = 'network=c3';

test('lists and ranges are tried in all combinations, and keep the types of their settings', async () => {
  const points = await inWords(c3, 'lr=0.01,0.003', 'seed=1..3', 'epochs=2');
  // Seed by seed, so that the first part of the sweep already compares all points.
  assert.deepEqual(points.map(titleOf), [
    'lr=0.01 seed=1',
    'lr=0.003 seed=1',
    'lr=0.01 seed=2',
    'lr=0.003 seed=2',
    'lr=0.01 seed=3',
    'lr=0.003 seed=3',
  ]);
  const { lr, seed, epochs } = points[3].settings as unknown as Record<string, number>;
  assert.deepEqual([lr, seed, epochs], [0.003, 2, 2]);
  assert.equal(new Set(points.map(({ id }) => id)).size, 6);
});

test('a key without a value counts as missing', async () => {
  const file = yaml('name:\nsettings: { network: c3 }\npoints:\n- name:\n  protocol:\n');
  const { name, entries } = await readSpec([], { file });
  assert.deepEqual([name, entries[0].name, entries[0].protocol], ['own', 'point 1', 'experiment']);
});

test('names are used as written, and the default name of a sweep is a valid folder name', async () => {
  const entries = '\npoints:\n- name: 1.10\n- name: 1.1\n  start: { from: 1.10 }\n';
  const points = await inFile(`settings: { network: c3 }${entries}`);
  assert.deepEqual(points.map(titleOf), ['1.10', '1.1']);
  assert.equal(points[1].start, points[0].id);
  assert.equal((await readSpec([c3, 'methods=[l0, freeze]', 'seed=1,2'], {})).name, 'c3-l0,freeze-seed');
});

test('zipped settings are one axis', async () => {
  const points = await inWords(c3, 'lr=0.1,0.2', 'weight_decay=0,1e-4', 'zip=lr,weight_decay', 'seed=1,2');
  assert.deepEqual(points.map(({ values }) => `${values.lr} ${values.weight_decay} ${values.seed}`).sort(), [
    '0.1 0 1',
    '0.1 0 2',
    '0.2 0.0001 1',
    '0.2 0.0001 2',
  ]);
});

test('a setting that holds a list is one value, and brackets separate several values', async () => {
  const [one] = await inWords(c3, 'methods=l0,magnitude');
  assert.deepEqual((one.settings as unknown as { methods: string[] }).methods, ['l0', 'magnitude']);
  const several = await inWords(c3, 'schedule=steps', 'milestones=[8,12],[10]', 'epochs=20');
  assert.deepEqual(
    several.map(({ settings }) => (settings as unknown as { milestones: number[] }).milestones),
    [[8, 12], [10]],
  );
});

const graph = `
protocol: experiment
settings: { network: c3, data: synthetic, epochs: 1 }
grid: { seed: 1..2 }
points:
  - name: base
  - name: tune
    start: { from: base }
    grid: { lr: [0.1, 0.2] }
    settings: { epochs: 2 }
  - name: further
    start: { from: tune }
    settings: { lr: 0.1 }
`;

test('a file can have entries that start from others: each point from the one with the same shared values', async () => {
  const points = await inFile(graph);
  const of = new Map(points.map((point) => [point.id, titleOf(point)]));
  assert.deepEqual(
    points.map((point) => [titleOf(point), point.start === undefined ? null : of.get(point.start)]),
    [
      ['base seed=1', null],
      ['tune lr=0.1 seed=1', 'base seed=1'],
      ['tune lr=0.2 seed=1', 'base seed=1'],
      ['further seed=1', 'tune lr=0.1 seed=1'],
      ['base seed=2', null],
      ['tune lr=0.1 seed=2', 'base seed=2'],
      ['tune lr=0.2 seed=2', 'base seed=2'],
      ['further seed=2', 'tune lr=0.1 seed=2'],
    ],
  );
});

test('words win over the file, whether the value varies there or here', async () => {
  const one = await inFile(graph, 'seed=7', 'epochs=5');
  assert.deepEqual(new Set(one.map(({ settings }) => (settings as unknown as { seed: number }).seed)), new Set([7]));
  assert.ok(one.every(({ settings }) => (settings as unknown as { epochs: number }).epochs === 5));
  const more = await inFile(graph, 'epochs=1,2');
  assert.equal(more.filter(({ group }) => group.startsWith('base')).length, 4);
});

test('the sweeps beside the notebooks can be run', async () => {
  const folder = join('notebooks', 'sweeps');
  const counts = readdirSync(folder).map(async (name) => {
    return [name, pointsOf(await readSpec([], { file: join(folder, name) })).length] as const;
  });
  assert.deepEqual(Object.fromEntries(await Promise.all(counts)), {
    'compare-googlenet.yaml': 96,
    'compare-resnet20.yaml': 96,
    'freeze-prune-resnet18-full.yaml': 27,
    'freeze-prune-resnet18.yaml': 87,
    'ista-penalties.yaml': 7,
    'ista-resnet20-full.yaml': 18,
    'ista-resnet20.yaml': 3,
    'l0-googlenet-dense.yaml': 3,
    'l0-googlenet-full.yaml': 27,
    'l0-googlenet-scratch.yaml': 9,
    'l0-googlenet-synthetic.yaml': 6,
    'l0-googlenet.yaml': 9,
    'recipe-ablation.yaml': 36,
    'recipe-airbench.yaml': 4,
    'recipe-full.yaml': 9,
    'recipe-optimizers.yaml': 8,
    'repr-c3-full.yaml': 27,
    'repr-c3.yaml': 12,
    'repr-overfitting.yaml': 10,
    'repr-variants.yaml': 7,
  });
});

test('the sweep file shown in docs/sweeps.md is valid', async () => {
  const [, text] = /```yaml\n([^`]*)```/.exec(readFileSync(join('docs', 'sweeps.md'), 'utf8'))!;
  const points = await inFile(text);
  assert.deepEqual(
    points.filter(({ values }) => values.seed === '1').map(({ group }) => group),
    ['dense', 'tune lambda_l0=1', 'tune lambda_l0=2', 'tune lambda_l0=5'],
  );
});

test('a point stays the same when others come and go, and differs if a value differs', async () => {
  const before = await inWords(c3, 'lr=0.1,0.2', 'seed=1..2');
  const after = await inWords(c3, 'lr=0.2,0.4', 'seed=2..3');
  const ids = new Set(before.map(({ id }) => id));
  assert.deepEqual(after.filter(({ id }) => ids.has(id)).map(titleOf), ['lr=0.2 seed=2']);
});

for (const [what, words, message] of [
  [
    'a wrong value, naming its point',
    [c3, 'lr=0.1,much', 'seed=1,2'],
    /The point 'lr=much seed=1' .* lr must be a number .*received much/,
  ],
  ['an unknown setting', [c3, 'lrr=0.1,0.2'], /The point 'lrr=0.1' .*did you mean 'lr'/],
  ['a value twice', [c3, 'lr=0.1,0.10'], /lr must have different values; received 0.1 twice/],
  [
    'lists of unequal length',
    [c3, 'lr=1,2', 'epochs=1,2,3', 'zip=lr,epochs'],
    /as many values each; lr has 2, epochs has 3/,
  ],
  ['one value in zip', [c3, 'lr=1', 'epochs=1,2', 'zip=lr,epochs'], /zip=lr,epochs must name settings .* lr has not/],
  ['a range that goes down', [c3, 'seed=3..1'], /A range must go up .*received 3\.\.1/],
  ['a setting that the sweep makes itself', [c3, 'again=true'], /again is not set in a sweep/],
  ['a name that every object has', [c3, 'constructor=1,2'], /There is no setting 'constructor'/],
  ['nothing behind a comma', [c3, 'epochs=1,'], /The point 'epochs=""' .*epochs must be .*; received \./],
  ['a network that the methods do not fit', [c3, 'width=0,1'], /The point 'width=0' .*width must be/],
] as const) {
  test(`words are refused with the reason: ${what}`, () => assert.rejects(inWords(...words), message));
}

for (const [what, text, message] of [
  [
    'an unknown key, with its line',
    'protocol: experiment\ngird: { seed: [1] }\n',
    /own\.yaml, line 2: there is no 'gird' here; did you mean 'grid'/,
  ],
  ['a single value in a grid', 'grid:\n  seed: 1\n', /own\.yaml, line 2: seed must be a list of values, or a range/],
  ['an empty list', 'grid: { seed: [] }\n', /seed must be a list of values/],
  [
    'a start from an entry that does not come before it',
    'points:\n  - name: a\n    start: { from: b }\n',
    /line 2: 'a' starts from 'b', and no entry before it has that name: there is none/,
  ],
  [
    'two entries of one name',
    'points:\n  - name: a\n  - name: a\n',
    /line 3: each entry of points must have a name of its own; received 'a' twice/,
  ],
  [
    'settings of several runs',
    'protocol: ista-resnet20\ngrid: { seed: [1, 2] }\n',
    /The point 'own seed=1' of .*: checkpoint_version must be given where one run is asked for; without it there are 3/,
  ],
  ['a protocol of a name that every object has', 'protocol: constructor\n', /There is no protocol 'constructor'/],
  [
    'an unknown protocol',
    'protocol: l0-googelnet\n',
    /There is no protocol 'l0-googelnet'; did you mean 'l0-googlenet'/,
  ],
  [
    'several points that fit as a start',
    `${graph}  - name: last\n    start: { from: tune }\n`,
    /'last seed=1' starts from 'tune', and several of its points fit/,
  ],
  ['an empty file', '', /own\.yaml must have settings, grid, zip or points; it is empty/],
  ['an empty list of points', 'points: []\n', /points must be a list, each entry begun with/],
  [
    'a list where one name belongs',
    'points:\n  - name: a\n  - name: b\n    start: { from: [a] }\n',
    /line 4: there must be one name here/,
  ],
  [
    'two places to start from',
    'points:\n  - name: a\n  - name: b\n    start: { from: a }\n    settings: { ckpt_path: X }\n',
    /The point 'b' .*it starts from 'a', so that ckpt_path has no effect/,
  ],
  [
    'a setting that varies in grid and in zip',
    'grid: { seed: [1, 2] }\nzip: { seed: [3, 4] }\n',
    /seed must be given once, in settings, grid or zip; it is given twice/,
  ],
  [
    'a setting that is given and varies',
    'settings: { network: c3, lr: 0.1 }\ngrid: { lr: [0.1, 0.2] }\n',
    /line 1: lr must be given once/,
  ],
  [
    'a setting given in a group and by its whole name',
    'settings: { network: c3, methods: [l0], l0: { lambda: 1 }, l0.lambda: 2 }\n',
    /l0\.lambda must be given once/,
  ],
  [
    'a point twice',
    'settings: { network: c3 }\nzip: { lr: [0.1, 0.1], epochs: [2, 2] }\n',
    /Each point must be in the sweep once; 'lr=0.1 epochs=2' is there twice/,
  ],
  [
    'different points that tables would take for one',
    'settings: { network: c3 }\npoints:\n  - name: a\n    grid: { lr: [0.1] }\n  - name: a lr=0.1\n',
    /two would be called 'a lr=0.1'/,
  ],
  [
    'threads, which the command shares out',
    'settings: { threads: 2 }\n',
    /threads is not set in a sweep: they change no result/,
  ],
  ['a file that is no YAML', 'grid: [', /own\.yaml, line 1: this is not YAML/],
  ['points that are no list', 'points: { a: 1 }\n', /points must be a list/],
  [
    'a wrong value in one entry',
    'settings: { network: c3 }\npoints:\n  - name: a\n    settings: { lr: -1 }\n',
    /The point 'a' .*own\.yaml, line 4: lr must be/,
  ],
] as const) {
  test(`a file is refused with the reason: ${what}`, () => assert.rejects(inFile(text), message));
}

test('options are separated from settings, and a wrong one is refused', () => {
  const { options, slurm, rest } = splitWords(['jobs=2', 'engine=slurm', 'slurm.partition=long', 'lr=1,2']);
  assert.deepEqual([options.jobs, options.engine, slurm, rest], [2, 'slurm', { partition: 'long' }, ['lr=1,2']]);
  assert.throws(() => splitWords(['engine=cloud']), /engine must be one of local, slurm, bullmq; received cloud/);
  assert.throws(
    () => splitWords(['slurm.time=1:00']),
    /slurm\.time must be given with engine=slurm; received engine=local/,
  );
  assert.throws(() => splitWords(['jobs=0']), /jobs must be a whole number of at least 1/);
});

test('the total time is at least the longest chain and the shared work, and at most the time with one job', () => {
  const point = fc.record({ seconds: fc.double({ min: 0.1, max: 10, noNaN: true }), from: fc.nat(9) });
  fc.assert(
    fc.property(fc.array(point, { minLength: 1, maxLength: 12 }), fc.integer({ min: 1, max: 4 }), (list, jobs) => {
      const points = list.map(({ seconds, from }, i) => ({
        id: `${i}`,
        seconds,
        start: from < i ? `${from}` : undefined,
        alone: seconds,
      }));
      const chain = (i: number): number =>
        points[i].seconds + (points[i].start === undefined ? 0 : chain(Number(points[i].start)));
      const [all, sum] = [secondsOfAll(points, jobs), points.reduce((total, { seconds }) => total + seconds, 0)];
      const least = Math.max(sum / jobs, ...points.map((_, i) => chain(i)));
      assert.ok(all >= least - 1e-9 && all <= sum + 1e-9, `${least} ${all} ${sum}`);
    }),
  );
});
