import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fixtures } from '../notebook/run/runs.ts';
import { sparsebook } from '../sparsebook.ts';

const run = (...args: string[]): ReturnType<typeof sparsebook>['ended'] => sparsebook(args).ended;

test('--help lists the commands, and each command shows examples', async () => {
  const { code, stdout } = await run('--help');
  assert.equal(code, 0);
  for (const command of ['run', 'kernel', 'jupyter', 'data']) assert.match(stdout, new RegExp(`^  ${command} `, 'm'));
  for (const command of 'open,run,kernel install,data,train,train experiment,test,compact,runs,weights'
    .split(',')
    .map((words) => words.split(' '))) {
    assert.match((await run(...command, '--help')).stdout, /Examples:\n  \$ sparsebook /);
  }
});

test('a misspelt command gets the right one as a suggestion', async () => {
  const { code, stderr } = await run('rnu');
  assert.equal(code, 1);
  assert.match(stderr, /unknown command 'rnu'\n\(Did you mean run\?\)/);
});

test('an error that a user can fix is one line without stack or colour, and exit code 1', async () => {
  const misspelt = await run('run', join(fixtures, 'parameters.ipynb'), 'lamda_l0=20');
  assert.equal(misspelt.code, 1);
  assert.match(
    misspelt.stderr,
    /^error: the notebook has no parameter 'lamda_l0'; did you mean 'lambda_l0'\?[^\n]*\n$/,
  );
  const invalid = await run('run', join(fixtures, 'invalid.ipynb'));
  assert.equal(invalid.code, 1);
  assert.match(invalid.stderr, /^error: .*invalid\.ipynb is not a notebook: it is not JSON[^\n]*\n$/);
  const absent = await run('run', 'absent');
  assert.equal(absent.code, 1);
  assert.match(absent.stderr, /^error: there is no notebook absent[^\n]*\n$/);
});

test('a path that the system refuses is an error of one line without stack, and exit code 1', async () => {
  const { code, stderr } = await run('data', 'get', 'cifar10', '--to', join(import.meta.filename, 'below'));
  assert.equal(code, 1);
  assert.match(stderr, /\nerror: The system refuses a file or folder: ENOTDIR: [^\n]*cli\.test\.ts[^\n]*\n$/);
});

test('the printed version is the version of the package', async () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  assert.deepEqual(await run('--version'), { code: 0, stdout: `${version}\n`, stderr: '' });
});

test('a timeout that is not a number is refused', async () => {
  const { code, stderr } = await run('run', '01', '--cell-timeout', 'soon');
  assert.equal(code, 1);
  assert.match(stderr, /'soon' is invalid. It must be a number of seconds above 0/);
});

test('commands that need no tensors do not load them, which would take most of the start-up time', async () => {
  const tell = `import { _cache } from 'node:module';
process.on('exit', () => console.error(Object.keys(_cache).some((file) => file.includes('tfjs')) ? '\\ntensors' : '\\nnone'));`;
  const loaded = async (...words: string[]): Promise<string | undefined> => {
    const { stderr } = await sparsebook(words, {
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(tell)}`,
    }).ended;
    return stderr.trim().split('\n').at(-1);
  };
  for (const words of [['--help'], ['train', '--help'], ['runs', 'nowhere'], ['sweep', 'status', 'nowhere']]) {
    assert.equal(await loaded(...words), 'none', words.join(' '));
  }
  assert.equal(await loaded('weights', 'nowhere', 'nothing'), 'tensors');
});
