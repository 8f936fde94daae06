import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';
import type { RunRecord } from 'sparsebook/experiments/run/record.js';
import { loadCheckpoint } from 'sparsebook/training/checkpoint/loadCheckpoint.js';
import { readRun } from 'sparsebook/training/log/readRun.js';
import { reopenRun } from 'sparsebook/training/log/runFolder.js';
import { sparsebook, tiny, type Ended } from '../sparsebook.ts';

const folder = mkdtempSync(join(tmpdir(), 'sparsebook-runs-'));
after(() => rmSync(folder, { recursive: true }));

const start = (...words: string[]): ReturnType<typeof sparsebook> => sparsebook(words, { SPARSEBOOK_DATA: folder });
const train = (...words: string[]): Promise<Ended> => start('train', 'l0-googlenet', ...words).ended;

/** The folder of the run that a command's output names. */
const runIn = ({ stdout }: Ended): string => /^run: (.*)$/m.exec(stdout)?.[1] ?? '';
/** The bytes of the weights, or of the other arrays, that a run saved last. */
function lastWeights(run: string, file = 'weights.safetensors'): Buffer {
  const last = readdirSync(join(run, 'checkpoints')).sort().at(-1) ?? '';
  return readFileSync(join(run, 'checkpoints', last, file));
}

let dense = '';

test('a run leaves settings, log, checkpoints and its result', async () => {
  const ended = await train(...tiny, 'without_using_gate=true');
  assert.equal(ended.code, 0, ended.stderr);
  dense = runIn(ended);
  assert.match(ended.stdout, /\nsaved: .*step-000004\n/);
  const files = readdirSync(dense);
  for (const file of ['settings.json', 'metrics.jsonl', 'provenance.json', 'record.json', 'checkpoints']) {
    assert.ok(files.includes(file), file);
  }
  const settings = JSON.parse(readFileSync(join(dense, 'settings.json'), 'utf8')) as Record<string, unknown>;
  assert.equal(settings.experiment, 'l0-googlenet');
  assert.equal(settings.width, 0.1);
});

/** A run of C3 with gates: 80 steps. */
const gatedC3 =
  'network=c3 width=0.1 methods=l0 l0.lambda=3 l0.lr_gates=0.2 optimizer=sgd lr=0.01 epochs=20 batch_size=8';
const fewImages = 'data=synthetic sizes.train=32 sizes.validation=8 sizes.test=8 backend=simd threads=1';

test('however often a run is stopped, it saves if it can, and the same command continues to the bits of an undisturbed run', async () => {
  const ask = (data: string): ReturnType<typeof sparsebook> =>
    sparsebook(['train', ...`${gatedC3} ${fewImages} checkpoints.every_steps=1`.split(' ')], { SPARSEBOOK_DATA: data });
  const newFolder = (): string => mkdtempSync(join(folder, 'stopped-'));
  const whole = await ask(newFolder()).ended;
  const signal = (name: NodeJS.Signals) => (child: ChildProcess) => void process.kill(child.pid!, name);
  const stops: Record<string, [at: 'stdout' | 'stderr', stop: (child: ChildProcess) => void, code: number | null]> = {
    // Stopped before the first step: nothing more is written to stdout until the run ends.
    'stdout closed': ['stdout', ({ stdout }) => stdout?.destroy(), 141],
    'Ctrl-C': ['stderr', signal('SIGINT'), 130],
    SIGTERM: ['stderr', signal('SIGTERM'), 143],
    SIGHUP: ['stderr', signal('SIGHUP'), 129],
    'both pipes closed': ['stderr', ({ stdout, stderr }) => [stdout, stderr].forEach((pipe) => pipe?.destroy()), 141],
    SIGKILL: ['stderr', signal('SIGKILL'), null],
  };
  // These commands run one after another on the same run.
  const data = newFolder();
  let run = '';
  let printed: string[] | undefined;
  for (const [how, [at, stop, code]] of Object.entries(stops)) {
    // The command that a run prints when it stops does what the original command does.
    const { child, ended } = printed ? sparsebook(printed, { SPARSEBOOK_DATA: data }) : ask(data);
    child[at]?.once('data', () => stop(child));
    const stopped = await ended;
    assert.equal(stopped.code, code, `${how}: ${stopped.stderr}`);
    run = join(data, 'runs', readdirSync(join(data, 'runs'))[0]);
    printed = undefined;
    if (how === 'Ctrl-C') {
      assert.match(
        stopped.stdout,
        /\nstopped after \d+ steps in .*\nsaved: .*\ngo on with: sparsebook train .*ckpt_path=/,
      );
      assert.doesNotMatch(stopped.stdout, /test, %/);
      printed = /go on with: sparsebook (.*)$/m.exec(stopped.stdout)![1].split(' ');
    }
    const end = (await readRun(run)).events.at(-1);
    if (code === null) assert.notEqual(end?.type, 'end');
    else {
      assert.ok(end?.type === 'end' && end.reason === 'aborted' && end.step < 80, `${how}: ${JSON.stringify(end)}`);
      assert.ok(end.step > 0 || at === 'stdout', how);
      const saved = end.step === 0 ? 0 : (await loadCheckpoint(join(run, 'checkpoints', 'last'))).step;
      assert.equal(saved, end.step, `${how}: it was saved as it stopped`);
    }
  }
  const resumed = await ask(data).ended;
  assert.equal(resumed.code, 0, resumed.stderr);
  assert.equal(runIn(resumed), run, 'in the same folder');
  assert.deepEqual(lastWeights(run), lastWeights(runIn(whole)));
  const steps = (await readRun(run)).events.flatMap((event) => (event.type === 'step' ? [event.step] : []));
  assert.deepEqual(
    steps,
    Array.from({ length: 80 }, (_, i) => i + 1),
    'the log tells of each step once',
  );
});

test('a run that a process is training is refused to another process, but its checkpoints can be tested', async () => {
  const held = await reopenRun(dense);
  const log = readFileSync(join(dense, 'metrics.jsonl'));
  const path = `ckpt_path=${dense}/checkpoints/last`;
  const refused = await train(path, 'resume_training=true', 'epochs=3');
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, new RegExp(`^error: Process ${process.pid} has been training this run since `));
  assert.deepEqual(readFileSync(join(dense, 'metrics.jsonl')), log);
  const tested = await start('test', `ckpt_path=${dense}`, 'latency.batches=[]').ended;
  assert.match(tested.stdout, /^checkpoint: .*step-000004, /, tested.stderr);
  await held.close();
});

test('a loss that is no longer finite ends the run, naming the step, and exits 1', async () => {
  const { code, stdout } = await train(...tiny, 'lr=1e30');
  assert.equal(code, 1);
  assert.match(
    stdout,
    /\nThe loss is \S+ at step \d+; the first thing that is not finite is .*Lower the learning rate/,
  );
  assert.doesNotMatch(stdout, /test, %/);
});

test('a finished run whose log was cut off still has its result', async () => {
  const log = join(dense, 'metrics.jsonl');
  const whole = readFileSync(log, 'utf8');
  writeFileSync(log, whole.slice(0, whole.indexOf('\n') + 1));
  const { code, stdout, stderr } = await train(...tiny, 'without_using_gate=true');
  writeFileSync(log, whole);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /\nloaded: trained on [^]*\ntest, % /);
});

test('a resumed run keeps its settings, except for how far it goes and where its data lies', async () => {
  const from = [`ckpt_path=${dense}/checkpoints/last`, 'resume_training=true'];
  const further = await train(...from, 'epochs=3', 'without_using_gate=true');
  assert.equal(further.code, 0, further.stderr);
  assert.match(further.stderr, /^epoch 3 of 3/);
  assert.match(further.stdout, /\ntrained 6 steps in /);
  const other = await train(...from, 'width=0.2');
  assert.equal(other.code, 1);
  assert.match(
    other.stderr,
    /^error: A run must go on with its own settings: width was 0\.1; received 0\.2\. Leave it out/,
  );
  const copied = join(folder, 'elsewhere');
  cpSync(join(dense, 'checkpoints', 'step-000006'), copied, { recursive: true });
  const empty = await train(`ckpt_path=${copied}`, 'resume_training=true', 'data=cifar10');
  assert.match(empty.stderr, /^error: CIFAR-10 is not in /, 'where the images lie may change');
});

test("fine-tuning takes a checkpoint's weights, initialises gates anew, and warns of half-closed ones", async () => {
  const from = `ckpt_path=${dense}/checkpoints/best`;
  const open = await train(...tiny, from, 'resume_training=false', 'lambda_l0=20', 'droprate_init=0.05');
  assert.equal(open.code, 0, open.stderr);
  assert.match(
    open.stderr,
    /^warning: 32 layers start anew instead of from the given network: block1_1x1_gate, \.\.\.\n/,
  );
  assert.doesNotMatch(open.stderr, /droprate_init/);
  assert.notEqual(runIn(open), dense);
  const closed = await train(...tiny, from, 'droprate_init=0.5');
  assert.equal(closed.code, 0, closed.stderr);
  assert.match(closed.stderr, /\nwarning: Gates that start at droprate_init=0\.5 disturb a trained network/);
  const wider = await train(...tiny.map((word) => (word.startsWith('width') ? 'width=0.2' : word)), from);
  assert.equal(wider.code, 1);
  assert.match(wider.stderr, /^error: The weights of stem_conv must have the shapes .*Build both with the same width/);
});

test('test measures a checkpoint: accuracies as after training, sparsity, size and latency', async () => {
  const path = `ckpt_path=${dense}/checkpoints/last`;
  const { code, stdout, stderr } = await start('test', path, 'threads=1', 'latency.runs=3', 'latency.warm_up=1').ended;
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^checkpoint: .*step-000006, l0-googlenet after 6 steps\ndata: synthetic collages: 32 /);
  const record = JSON.parse(readFileSync(join(dense, 'record.json'), 'utf8')) as RunRecord;
  for (const part of ['validation', 'test'] as const) {
    assert.match(stdout, new RegExp(`\n${part}, % +${Number((100 * record[part].accuracy).toFixed(2))}\n`));
  }
  assert.match(stdout, /\nparameters +3,419\n/);
  assert.match(stdout, /\nlatency of one image: \d+\.\d+ ms \(median of 3; p10 \d+\.\d+, p90 \d+\.\d+\)\n/);
  assert.match(stdout, /\nlatency of 128 images: /);
});

test('a checkpoint that cannot be tested is refused with the reason', async () => {
  const damaged = join(folder, 'damaged');
  cpSync(join(dense, 'checkpoints', 'step-000006'), damaged, { recursive: true });
  writeFileSync(join(damaged, 'weights.safetensors'), 'no');
  const cases: [string[], RegExp][] = [
    [[], /^error: ckpt_path must be the checkpoint to test; received none\. Add ckpt_path=CHECKPOINT\./],
    [['ckpt_path=nowhere'], /^error: There is no checkpoint .*nowhere\./],
    [[`ckpt_path=${damaged}`], /^error: .*weights\.safetensors is damaged/],
    [['chkpt_path=x'], /^error: There is no setting 'chkpt_path'; did you mean 'ckpt_path'\?/],
    [
      [`ckpt_path=${dense}/checkpoints/last`, 'latency.runs=0'],
      /^error: latency\.runs must be a whole number of at least 1/,
    ],
  ];
  for (const [words, message] of cases) {
    const { code, stderr } = await start('test', ...words).ended;
    assert.equal(code, 1);
    assert.match(stderr, message);
  }
});

test('runs lists all runs, and compares the named ones by their results and the settings in which they differ', async () => {
  const all = await start('runs').ended;
  assert.equal(all.code, 0, all.stderr);
  const lines = all.stdout.trim().split('\n');
  const runs = lines.slice(1).map((line) => line.split(' ')[0]);
  assert.deepEqual([...runs].sort(), readdirSync(join(folder, 'runs')).sort());
  assert.match(all.stdout, new RegExp(`\n${basename(dense)} +finished +3 +6 `));
  const { stdout } = await start('runs', basename(dense), 'last').ended;
  assert.match(stdout, /^ +googlenet-\w+ +googlenet-l0-\w+\nstate +finished +finished\n/);
  assert.match(stdout, /\nwithout_using_gate +true +false\n/);
  assert.doesNotMatch(stdout, /\nwidth /, 'it is the same in both');
  const unknown = await start('runs', 'x').ended;
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /^error: No run begins with 'x'\. There are: /);
  const none = await sparsebook(['runs'], { SPARSEBOOK_DATA: join(folder, 'none') }).ended;
  assert.match(none.stdout, /^There are no runs in .*none/);
});

test('if a run keeps averages of its weights, test evaluates the averages, and resuming continues with them', async () => {
  const words = tiny.filter((word) => !word.startsWith('epochs'));
  const first = await train(...words, 'epochs=1', 'without_using_gate=true', 'ema_decay=0.9', 'label_smoothing=0.1');
  assert.equal(first.code, 0, first.stderr);
  const path = `ckpt_path=${runIn(first)}/checkpoints/last`;
  const row = (name: string, { stdout }: Ended): string | undefined =>
    new RegExp(`^${name} +(.*)$`, 'm').exec(stdout)?.[1];
  const tested = await start('test', path, 'latency.batches=[]').ended;
  for (const name of ['validation, %', 'test, %']) assert.equal(row(name, tested), row(name, first));
  const resumed = await train(path, 'resume_training=true', 'epochs=2');
  const whole = await train(...words, 'epochs=2', 'without_using_gate=true', 'ema_decay=0.9', 'label_smoothing=0.1');
  assert.notEqual(runIn(whole), runIn(first), 'a run that went further is no longer the one that was asked for');
  for (const file of ['weights.safetensors', 'state.safetensors']) {
    assert.deepEqual(lastWeights(runIn(resumed), file), lastWeights(runIn(whole), file), file);
  }
  assert.equal(row('validation, %', resumed), row('validation, %', whole));
  const { stdout } = await start('runs', basename(runIn(first)), basename(runIn(whole))).ended;
  assert.match(stdout, /\nepochs +2 +2\n/);
  assert.doesNotMatch(stdout, /ckpt_path|setting epochs/, 'it went further, and its settings with it');
});

test('a fine-tuned run that was stopped and resumed from its checkpoint is the run that a later request finds', async () => {
  const from = `ckpt_path=${dense}/checkpoints/best`;
  const words = [...tiny, from, 'lambda_l0=4', 'droprate_init=0.05', 'checkpoints.every_steps=1'];
  const { child, ended } = start('train', 'l0-googlenet', ...words);
  child.stderr?.on('data', (text: string) => void (text.includes('epoch 1') && child.kill('SIGINT')));
  const stopped = await ended;
  assert.equal(stopped.code, 130, stopped.stdout);
  const resumed = await train(`ckpt_path=${runIn(stopped)}/checkpoints/last`, 'resume_training=true', 'name=tuned');
  assert.equal(resumed.code, 0, resumed.stderr);
  const settings = JSON.parse(readFileSync(join(runIn(stopped), 'settings.json'), 'utf8')) as Record<string, unknown>;
  assert.deepEqual(
    [settings.ckpt_path, settings.resume_training, settings.name],
    [from.slice('ckpt_path='.length), false, 'tuned'],
    'where it started stays what it was',
  );
  const asked = await train(...words);
  assert.match(asked.stdout, /^loaded: trained on \d{4}-\d\d-\d\d \d\d:\d\d UTC; again=true trains it anew$/m);
  assert.equal(runIn(asked), runIn(stopped));
  assert.doesNotMatch(asked.stderr, /^epoch/m);
});

/** Reads a CSV file without line breaks in cells. */
const cellsOf = (line: string): string[] =>
  [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain]) =>
    quoted === undefined ? plain : quoted.replaceAll('""', '"'),
  );

test('runs are listed for programs: numbers by machine names, names, tags, state, and settings that differ', async () => {
  const root = mkdtempSync(join(folder, 'told-'));
  const at = (...words: string[]): ReturnType<typeof sparsebook> => sparsebook(words, { SPARSEBOOK_DATA: root });
  const small = 'data=synthetic network=c3 width=0.1 optimizer=sgd sizes.train=32 sizes.validation=8 sizes.test=8';
  const plain = [...small.split(' '), 'batch_size=8', 'backend=simd', 'threads=1'];
  const named = await at('train', ...plain, 'epochs=1', 'lr=0.02', 'name=one, "first"', 'tags=a,b').ended;
  assert.equal(named.code, 0, named.stderr);
  const { child, ended } = at('train', ...plain, 'epochs=1000', 'lr=0.01');
  child.stderr?.once('data', () => child.kill('SIGKILL'));
  await ended;
  type Told = { id: string; name: string | null; tags: string[]; state: string; numbers: Record<string, number> } & {
    settings: Record<string, unknown>;
  };
  const told = async (): Promise<Told[]> => {
    const { code, stdout, stderr } = await at('runs', '--json').ended;
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as Told[];
  };
  const [first, killed] = await told();
  const record = JSON.parse(readFileSync(join(runIn(named), 'record.json'), 'utf8')) as RunRecord;
  assert.deepEqual([first.name, first.tags, first.state], ['one, "first"', ['a', 'b'], 'finished']);
  assert.equal(first.numbers['test.accuracy'], record.test.accuracy);
  assert.deepEqual([first.settings.lr, killed.settings.lr, killed.state], [0.02, 0.01, 'killed']);
  const held = await reopenRun(join(root, 'runs', killed.id));
  assert.equal((await told())[1].state, 'training');
  await held.close();

  const [head, ...rows] = (await at('runs', '--csv').ended).stdout.trim().split('\n').map(cellsOf);
  const value = (row: number, column: string): string => rows[row][head.indexOf(column)];
  assert.deepEqual(
    head.filter((column) => column.startsWith('settings.')),
    ['settings.lr', 'settings.epochs'],
  );
  assert.deepEqual([value(0, 'name'), value(0, 'tags'), value(0, 'settings.lr')], ['one, "first"', 'a b', '0.02']);
  assert.equal(Number(value(0, 'test.accuracy')), record.test.accuracy);
  assert.deepEqual([value(1, 'state'), value(1, 'test.accuracy')], ['killed', '']);

  writeFileSync(join(runIn(named), 'record.json'), '{"format":"sparsebook record","version":7}');
  const damaged = await at('runs').ended;
  assert.equal(damaged.code, 0);
  assert.match(damaged.stderr, /^warning: .*record\.json is not a record of version 1: .*\. Delete it, and ask for/);
  assert.match(damaged.stdout, new RegExp(`^${killed.id} +killed`, 'm'), 'the others are listed');
  const both = await at('runs', '--json', '--csv').ended;
  assert.match(
    both.stderr,
    /^error: Runs must be asked for in one form; received --json and --csv\. Leave one out\.$/m,
  );
});
