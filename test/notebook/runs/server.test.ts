import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { runsCsv } from 'sparsebook/experiments/results/runTable.js';
import { begun, end, start } from '../../training/log/events.ts';
import { sparsebook } from '../../sparsebook.ts';
import { epochsFrom, logEpoch, loggedRun, RunsSite, until, writeRecord } from './site.ts';

const settings = (lambda_l0: number, more: object = {}): object => ({
  experiment: 'l0-googlenet',
  lambda_l0,
  seed: 1,
  ...more,
});

test("the runs cannot be seen without the terminal's token, cookie and key, and the policy lets nothing else run", async (t) => {
  const site = await RunsSite.open(t, (root) => loggedRun(join(root, 'secret-run'), settings(1)));
  const policy = (await fetch(site.address)).headers.get('content-security-policy');
  assert.match(policy ?? '', /^default-src 'none'; script-src 'self'; /);
  for (const path of ['/', '/api/runs', '/assets/runs.js']) {
    const answer = await fetch(new URL(path, site.address));
    assert.equal(answer.status, 401, path);
    assert.doesNotMatch(await answer.text(), /secret-run/);
  }
  assert.equal((await site.ask('/api/runs', { 'x-key': 'x' })).status, 401);
  assert.equal((await site.ask('/api/runs', { cookie: '' })).status, 401);
  assert.equal((await site.ask('/api/runs', { origin: 'https://evil.example' })).status, 403);
  for (const path of ['/', '/api/runs', '/assets/runs.js', '/assets/runs.css']) {
    assert.equal((await site.ask(path)).status, 200, path);
  }
  for (const path of ['/notebooks/x', '/api/notebooks', '/api/commands/x', '/api/runs/x']) {
    assert.equal((await site.ask(path)).status, 404, path);
  }
});

test('each run is sent once, a damaged run with its reason, and again when its files change', async (t) => {
  const site = await RunsSite.open(t, async (root) => {
    await loggedRun(join(root, 'first'), settings(10, { name: 'one', tags: ['a', 'b'] }));
    writeRecord(join(root, 'first'), { name: 'one', tags: ['a', 'b'], accuracy: 0.75, settings: settings(10) });
    await loggedRun(join(root, 'second'), settings(20, { tags: 'no list', name: 5 }));
    await loggedRun(join(root, 'torn'), settings(30));
    writeFileSync(join(root, 'torn', 'metrics.jsonl'), '{"type":"start"\n');
    mkdirSync(join(root, 'no run'));
    writeFileSync(join(root, 'nor this'), '');
  });
  const first = await site.since();
  assert.deepEqual(first.order, ['first', 'second', 'torn']);
  const [one, two, torn] = first.order.map((id) => first.runs.find((run) => run.id === id)!);
  assert.deepEqual(
    [one.name, one.tags, one.state, one.numbers['test.accuracy']],
    ['one', ['a', 'b'], 'finished', 0.75],
  );
  assert.deepEqual([one.settings.lambda_l0, one.settings.name], ['10', undefined]);
  assert.deepEqual([two.name, two.tags, two.state, two.epochs], [null, [], 'finished, not measured', 2]);
  assert.match(torn.fault ?? '', /^Line 1 of .*torn.metrics\.jsonl is not an event/);
  const next = await site.since(first);
  assert.deepEqual([next.runs, next.order, next.curves], [[], undefined, {}]);

  writeRecord(join(site.root, 'second'), { accuracy: 0.5, settings: settings(20) });
  await loggedRun(join(site.root, 'third'), settings(40));
  rmSync(join(site.root, 'torn'), { recursive: true });
  const changed = await until(
    () => site.since(first),
    ({ order, runs }) => order?.length === 3 && runs.some(({ id, state }) => id === 'second' && state === 'finished'),
  );
  assert.deepEqual(changed.order, ['first', 'second', 'third']);
  assert.deepEqual(
    changed.runs.map(({ id }) => id).sort(),
    ['second', 'third'],
    'what did not change is not sent again',
  );
  assert.equal(
    (await site.since({ ...first, epoch: 'another' })).runs.length,
    3,
    'a page of another server knows nothing',
  );
});

test('a training run sends its curves as they grow, again from where it resumed, and its end', async (t) => {
  const site = await RunsSite.open(t);
  const empty = await site.since();
  assert.deepEqual(empty.runs, []);
  const run = await begun(join(site.root, 'growing'), settings(1));
  await run.log(start());
  await logEpoch(run, 0);
  const seen = await until(
    () => site.since(empty, { growing: 0, '../growing': 0, nowhere: 0 }),
    ({ curves }) => curves.growing?.points.validation.x.length === 1,
  );
  assert.deepEqual(Object.keys(seen.curves), ['growing'], 'nothing outside of the folder is read');
  assert.equal(seen.runs[0].state, 'training');
  const { version, points } = seen.curves.growing;
  assert.deepEqual(points.loss, { x: [0.5, 1], y: [2, 1] });
  assert.deepEqual(points.sparsity, { x: [1], y: [3 / 8] });
  assert.deepEqual((await site.since(seen, { growing: version })).curves, {});

  await logEpoch(run, 1);
  const grown = await until(
    () => site.since(seen, { growing: version }),
    ({ curves }) => 'growing' in curves,
  );
  assert.deepEqual(grown.curves.growing.points.validation, { x: [1, 2], y: [0.5, 0.6] });
  for (const event of [start(2), ...epochsFrom(1, 2), end(6)]) await run.log(event);
  await run.close();
  const over = await until(
    () => site.since(grown, { growing: grown.curves.growing.version }),
    ({ runs, curves }) =>
      runs[0]?.state === 'finished, not measured' && curves.growing?.points.validation.x.length === 3,
  );
  assert.deepEqual(over.curves.growing.points.loss.x, [0.5, 1, 1.5, 2, 2.5, 3], 'what was made anew is there once');
  const late = await site.since(over, { growing: 0 });
  assert.deepEqual(late.curves.growing, over.curves.growing, 'a page that shows it later gets all of it');
});

test('a damaged line ends the curves of its run with the reason, and no others', async (t) => {
  const site = await RunsSite.open(t, async (root) => {
    await loggedRun(join(root, 'good'), settings(1));
    await loggedRun(join(root, 'bad'), settings(2));
    writeRecord(join(root, 'bad'), { accuracy: 0.5, settings: settings(2) });
    appendFileSync(join(root, 'bad', 'metrics.jsonl'), 'no event\n');
  });
  const { curves } = await site.since(undefined, { good: 0, bad: 0 });
  assert.match(curves.bad.fault ?? '', /is not an event: no event$/);
  assert.equal(curves.good.fault, undefined);
  assert.equal(curves.good.points.validation.x.length, 2);
});

test('the command prints the address of a page in which the named runs are chosen, and its CSV has the same contents as the page', async (t) => {
  const site = await RunsSite.open(t, async (root) => {
    await loggedRun(join(root, 'net-1a'), settings(10, { name: 'a, "b"' }));
    writeRecord(join(root, 'net-1a'), { name: 'a, "b"', accuracy: 1 / 3, settings: settings(10) });
    await loggedRun(join(root, 'net-2b'), settings(20, { width: 0.5 }));
  });
  const env = { SPARSEBOOK_DATA: dirname(site.root) };
  const { runs, order = [] } = await site.since();
  const csv = await sparsebook(['runs', '--csv'], env).ended;
  assert.match(csv.stdout, /,settings\.lambda_l0\nnet-1a,"a, ""b""",/);
  assert.equal(runsCsv(order.map((id) => runs.find((run) => run.id === id)!)), csv.stdout);

  const { child, ended } = sparsebook(['runs', '--open', '--no-browser', 'net-2', 'net-1a'], env);
  t.after(() => child.kill('SIGKILL'));
  const printed = await new Promise<string>((resolve) => {
    let text = '';
    child.stderr?.on('data', (piece: string) => /Ctrl-C/.test((text += piece)) && resolve(text));
    child.on('close', () => resolve(text));
  });
  const [address] = /http:\S+/.exec(printed) ?? assert.fail(printed);
  assert.equal(new URL(address).hash, '#run=net-2b&run=net-1a');
  assert.match(await (await fetch(address)).text(), /<title>Runs<\/title>/);
  child.kill('SIGINT');
  assert.equal((await ended).code, 0);
});

test('runs that cannot be opened are refused with the reason', async () => {
  const cases: [string[], RegExp][] = [
    [['--open', '--csv'], /^error: Runs must be asked for in one form; received --csv and --open\. Leave one out\.$/m],
    [
      ['--port', '8800'],
      /^error: --port must be given with --open; received it alone\. Add --open, or leave it out\.$/m,
    ],
    [['--no-browser'], /^error: --no-browser must be given with --open/m],
    [['--open', '--port', '0'], /It must be a number from 1 to 65535/],
    [['--open', '--no-browser', 'x'], /^error: No run begins with 'x'\./m],
  ];
  const ended = await Promise.all(
    cases.map(([words]) => sparsebook(['runs', ...words], { SPARSEBOOK_DATA: '/nowhere' }).ended),
  );
  for (const [i, { code, stderr }] of ended.entries()) {
    assert.equal(code, 1, stderr);
    assert.match(stderr, cases[i][1]);
  }
});
