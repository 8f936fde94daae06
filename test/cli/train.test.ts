import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readRecord } from 'sparsebook/experiments/run/record.js';
import { sparsebook, tiny } from '../sparsebook.ts';

const folder = mkdtempSync(join(tmpdir(), 'sparsebook-train-'));
after(() => rmSync(folder, { recursive: true }));

const train = (...words: string[]): ReturnType<typeof sparsebook> =>
  sparsebook(['train', 'l0-googlenet', ...words], { SPARSEBOOK_DATA: folder });

test('train prints what it will train, a line for each epoch, and a table at the end', async () => {
  const { code, stdout, stderr } = await train(...tiny, 'lambda_l0=3').ended;
  assert.equal(code, 0, stderr);
  assert.match(
    stdout,
    /^data: synthetic collages: 32 training, 32 validation and 32 test images \(32x32x3, 10 classes, split /,
  );
  assert.match(stdout, /\nbackend: simd: 1 thread, /);
  assert.match(stdout, /\nsettings: preset=quick data=synthetic .*width=0\.1 epochs=2 .*lambda_l0=3 /);
  assert.match(stdout, /\ntrained 4 steps in /);
  assert.match(stdout, /\nvalidation, % +\d+(\.\d+)?\ntest, % +\d+(\.\d+)?\n(.*\n)*parameters +3,419\n/);
  assert.match(stdout, /\nclosed channels +\d+ of 85\n/);
  const epochs = stderr.trim().split('\n');
  assert.equal(epochs.length, 2, stderr);
  for (const [i, line] of epochs.entries()) {
    assert.match(
      line,
      new RegExp(`^epoch ${i + 1} of 2: loss \\d+\\.\\d+ \\(cross-entropy \\d.* \\+ penalty \\d.*\\), `),
    );
    assert.match(line, /accuracy \d+\.\d %, validation \d+\.\d %, \d+ of 85 closed in /);
  }
});

test('without gates there is no penalty and no row of gates', async () => {
  const { code, stdout, stderr } = await train(...tiny, 'epochs=1', 'without_using_gate=true').ended;
  assert.equal(code, 1, 'epochs is given twice');
  assert.match(stderr, /'epochs' must be given once; received it twice/);
  assert.equal(stdout, '');
  const once = tiny.map((word) => (word.startsWith('epochs') ? 'epochs=1' : word));
  const plain = await train(...once, 'without_using_gate=true').ended;
  assert.equal(plain.code, 0, plain.stderr);
  assert.match(plain.stderr, /^epoch 1 of 1: loss \d+\.\d+, accuracy/);
  assert.doesNotMatch(plain.stdout, /closed channels|lambda_l0/);
});

test('--print writes all settings, and --config reads them, with lower priority than the command line', async () => {
  const file = join(folder, 'run.yaml');
  const printed = await train('preset=short', 'lambda_l0=2', 'milestones=3,4', '--print').ended;
  assert.equal(printed.code, 0);
  assert.match(
    printed.stdout,
    /\n# the weight of the L0 penalty in the loss \(a number of at least 0\)\nlambda_l0: 2\n/,
  );
  assert.match(printed.stdout, /\nepochs: 15\n/);
  assert.match(printed.stdout, /\nmilestones: \[3, 4\]\n/);
  writeFileSync(file, printed.stdout);
  const again = await train('--config', file, '--print').ended;
  assert.equal(again.stdout, printed.stdout);
  const other = await train('lambda_l0=7', '-c', file, '--print').ended;
  assert.equal(other.stdout, printed.stdout.replace('lambda_l0: 2', 'lambda_l0: 7'));
});

test('a wrong command line trains nothing, prints the error and exits 1', async () => {
  const file = join(folder, 'wrong.yaml');
  writeFileSync(file, 'preset: quick\nlambda_l0: -1\n');
  const cases: [string[], RegExp][] = [
    [['lamda_l0=2'], /^error: There is no setting 'lamda_l0'; did you mean 'lambda_l0'\?/],
    [['preset=slow'], /^error: preset must be one of quick, short, published; received slow\./],
    [
      ['resume_training=true'],
      /^error: resume_training=true contradicts .*: there is nothing to resume without ckpt_path\./,
    ],
    [['without_using_gate=true', 'lambda_l0=1'], /^error: lambda_l0=1 contradicts .*: without_using_gate=true builds/],
    [['-c', file], /^error: .*wrong\.yaml, line 2: lambda_l0 must be a number of at least 0; received -1\./],
    [['-c', join(folder, 'none.yaml')], /^error: The settings file .*none\.yaml cannot be read/],
    [['data=cifar10'], /^error: CIFAR-10 is not in .*sparsebook data get cifar10/],
    [['data=synthetic', 'sizes.train=0'], /^error: sizes\.train must be a whole number of at least 1/],
  ];
  for (const [words, message] of cases) {
    const { code, stdout, stderr } = await train(...words).ended;
    assert.equal(code, 1, words.join(' '));
    assert.match(stderr, message);
    assert.equal(stdout, '');
  }
  // The error comes before the images are loaded, which are missing too.
  const twice = await sparsebook(['train', 'network=c3', 'methods=l0,l0'], { SPARSEBOOK_DATA: folder }).ended;
  assert.match(
    twice.stderr,
    /^error: methods must be a list, .*, none of them twice; received l0,l0\. It is the sparsity methods/,
  );
  const late = await sparsebook(['train', 'lambda_l0=2', 'l0-googlenet']).ended;
  assert.match(
    late.stderr,
    /^error: An experiment must be named once, before its settings; received 'l0-googlenet' after/,
  );
  const unknown = await sparsebook(['train', 'l0-googlnet']).ended;
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /did you mean 'l0-googlenet'\?/);
});

test("one command trains all of ISTA's versions, each from the previous one, the last one compact", async () => {
  const sizes = 'data=synthetic sizes.train=48 sizes.validation=16 sizes.test=16 width=0.125 batch_size=16';
  const words = `preset=quick faster=10000 stronger=3000 log_frequency=3 ${sizes} backend=simd threads=1`.split(' ');
  const ista = (...more: string[]): ReturnType<typeof sparsebook>['ended'] =>
    sparsebook(['train', 'ista-resnet20', ...words, ...more], { SPARSEBOOK_DATA: folder }).ended;
  const all = await ista();
  assert.equal(all.code, 0, all.stderr);
  assert.match(all.stderr, /^step 3, loss = .* group lasso = .* fake sparsity = /m);
  const runs = [...all.stdout.matchAll(/^run: (.*)$/gm)].map(([, path]) => path);
  const records = await Promise.all(runs.map(async (path) => (await readRecord(path))!));
  assert.deepEqual(
    records.map(({ steps, settings }) => [settings.checkpoint_version, steps]),
    [
      [0, 3],
      [1, 5],
      [2, 5],
    ],
  );
  const [, second, third] = records.map(({ parameters }) => parameters);
  assert.ok(third.dense < second.dense && third.dense === third.left, JSON.stringify([second, third]));
  for (const version of [1, 2]) {
    const from = `ckpt_path=${runs[version - 1]}/checkpoints/last`;
    const alone = await ista(`checkpoint_version=${version}`, from);
    assert.match(alone.stdout, /^loaded: /m, `version ${version} by itself is the run that started from ${from}`);
    assert.ok(alone.stdout.includes(`run: ${runs[version]}\n`), alone.stdout);
  }
});

test('help lists every setting, the presets and examples', async () => {
  const { code, stdout } = await train('--help').ended;
  assert.equal(code, 0);
  for (const word of [
    'lambda_l0=1',
    'droprate_init=0.5',
    'sizes.train=null',
    'gates.sampling=image',
    'preset=quick ',
  ]) {
    assert.ok(stdout.includes(`\n  ${word}`), word);
  }
  assert.match(stdout, /\$ sparsebook train l0-googlenet lambda_l0=20 droprate_init=0\.05 ckpt_path=/);
});
