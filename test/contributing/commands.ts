// npm run test:commands [-- WORD...]: clones the last commit into a new folder, and runs each command of README.md and
// docs/guide/ there as printed; given words, only `npm ci` and the commands that contain one of them. Settings added to
// the end of the commands make trainings short.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import sharp from 'sharp';
import { saveTfjs } from 'sparsebook/compact/export/tfjs.js';

/** How to run a command here, beyond what its page prints. */
interface Treatment {
  /** The reason why it is not run here. */
  skip?: string;
  /** Words added to its end. */
  add?: string;
  /** Whether it is a server, which is interrupted once it has printed an address. */
  serves?: boolean;
}

/** Whether this machine has a program of this name on the PATH. */
const has = (program: string): boolean => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;

const small = 'sizes.train=64 sizes.validation=32 sizes.test=32';
const notebook = 'train_size=128 test_size=100 epochs=1';
/** By the beginning of commands; the longest match applies. */
const treatments: Record<string, Treatment> = {
  'npm ci && npm test': { skip: 'it is what .ci/run does' },
  'npm run test:quick': { skip: 'it is part of npm test' },
  'npm run report -- data=cifar10': { skip: 'it needs CIFAR-10, of 162 MiB' },
  'npx sparsebook data get cifar10': { skip: 'it downloads 162 MiB' },
  'npm ci && npm run report': { add: `-- ${notebook}` },
  'npm run report -- lambda_l0': { add: notebook },
  'npm run report -- 02': { add: 'warmup_steps=10 prune_steps=10 tune_steps=5 sweep_steps=5' },
  'npx sparsebook run 01': { add: notebook },
  'npx sparsebook report 01': { add: notebook },
  'npm start': { add: '-- --no-browser', serves: true },
  'npm start --': { serves: true },
  'npm run jupyter': ['jupyter-lab', 'jupyter-notebook'].some(has)
    ? { add: '-- --no-browser --allow-root', serves: true }
    : { skip: 'neither JupyterLab nor Jupyter Notebook is installed here' },
  'npx sparsebook runs --open': { serves: true },
  'npx sparsebook train network=resnet20': { add: `${small} epochs=1 batch_size=32` },
  'npx sparsebook train network=resnet18': { add: 'width=0.125 epochs=1 batch_size=8' },
  'npx sparsebook train network=resnet20 methods=ista data=flowers': { add: 'epochs=1 batch_size=8' },
  'npx sparsebook train network=own': { add: 'epochs=1 batch_size=8' },
  'npx sparsebook train l0-googlenet': { add: `${small} epochs=1` },
  'npx sparsebook sweep l0-googlenet': { add: `${small} epochs=1` },
  'npm run bench:images': { add: '-- --seeds 1 --epochs 1 --train 250 --test 32 linear c3' },
};

const root = join(import.meta.dirname, '..', '..');
const words = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'sparsebook-commands-'));
const clone = join(folder, 'sparsebook');

/** The commands of a page: lines of its terminal blocks, and inline code in its sentences. */
function commandsOf(page: string): string[] {
  const text = readFileSync(join(clone, page), 'utf8');
  const blocks = [...text.matchAll(/^ *```(?:ba)?sh\n([^]*?)^ *```$/gm)].flatMap(([, code]) => code.split('\n'));
  const sentences = text.replaceAll(/^ *```[^]*?^ *```$/gm, '').matchAll(/`((?:npm|npx|sparsebook) [^`]+)`/g);
  const lines = [...blocks, ...[...sentences].map(([, code]) => code)];
  return lines
    .map((line) => line.replace(/ +#.*/, '').trim())
    .filter((line) => line !== '')
    .map((line) => line.replace(/^sparsebook /, 'npx sparsebook '));
}

const treatmentOf = (command: string): Treatment => {
  const fitting = Object.keys(treatments).filter((beginning) => command.startsWith(beginning));
  return treatments[fitting.sort((a, b) => b.length - a.length)[0]] ?? {};
};

/** Makes the files that pages assume their reader has: a folder of images, weights, a network, a notebook. */
async function makeReadersFiles(): Promise<void> {
  for (const [n, name] of ['rose', 'tulip'].entries()) {
    mkdirSync(join(clone, 'flowers', name), { recursive: true });
    const raw = { width: 32, height: 32, channels: 3 as const };
    const image = sharp(Buffer.alloc(32 * 32 * 3, 200 * n), { raw }).png();
    for (let i = 0; i < 20; i++) writeFileSync(join(clone, 'flowers', name, `${i}.png`), await image.toBuffer());
  }
  const weights = 'notebooks/outputs/04-freeze-prune-resnet18/pretrained-synthetic.safetensors';
  copyFileSync(join(clone, weights), join(clone, 'resnet18.safetensors'));
  const { layers } = tf;
  const conv = layers.conv2d({ filters: 8, kernelSize: 3, inputShape: [32, 32, 3] });
  const own = tf.sequential({ layers: [conv, layers.globalAveragePooling2d({}), layers.dense({ units: 2 })] });
  await saveTfjs(own, join(clone, 'my-network'));
  const page = readFileSync(join(clone, 'docs/guide/own-notebook.md'), 'utf8');
  const cells = [...page.matchAll(/^```ts\n([^]*?)\n```$/gm)].map(([, source], i) => ({
    cell_type: 'code',
    id: `cell-${i}`,
    metadata: i === 0 ? { tags: ['parameters'] } : {},
    source,
    outputs: [],
    execution_count: null,
  }));
  writeFileSync(join(clone, 'my.ipynb'), JSON.stringify({ cells, metadata: {}, nbformat: 4, nbformat_minor: 5 }));
}

/** The newest run, which pages call RUN. */
function newestRun(): string {
  const runs = join(clone, 'data/runs');
  const began = (id: string): number => statSync(join(runs, id, 'settings.json')).mtimeMs;
  return readdirSync(runs).reduce((newest, id) => (began(id) > began(newest) ? id : newest));
}

/** Runs a command line; throws with its output if it fails. */
async function run(line: string, serves = false): Promise<void> {
  const started = performance.now();
  const child = spawn(line, { cwd: clone, shell: true, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let interrupted = false;
  let again: NodeJS.Timeout | undefined;
  const read = (text: Buffer): void => {
    output += String(text);
    if (!serves || interrupted || !/http:\/\/\S+/.test(output)) return;
    interrupted = true;
    process.kill(-child.pid!, 'SIGINT');
    // Jupyter asks for confirmation, and takes a second interrupt as a yes.
    again = setTimeout(() => process.kill(-child.pid!, 'SIGINT'), 2000);
  };
  child.stdout.on('data', read);
  child.stderr.on('data', read);
  child.once('exit', () => clearTimeout(again));
  const code = await new Promise((resolve) => child.once('close', resolve));
  assert.ok(serves ? interrupted : code === 0, `${line}\nended with ${String(code)}:\n${output}`);
  console.log(`ok, ${((performance.now() - started) / 1000).toFixed(0)} s: ${line}`);
}

const failed: string[] = [];
try {
  const { status, stderr } = spawnSync('git', ['clone', '-q', root, clone], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  await run('npm ci');
  await run('npm run build');
  await makeReadersFiles();
  const guide = readdirSync(join(clone, 'docs/guide')).map((name) => `docs/guide/${name}`);
  const commands = new Set(['README.md', ...guide].flatMap(commandsOf));
  const unknown = Object.keys(treatments).filter(
    (beginning) => ![...commands].some((each) => each.startsWith(beginning)),
  );
  assert.deepEqual(unknown, [], 'no page has these commands any more');
  for (const command of commands) {
    if (words.length > 0 && !words.some((word) => command.includes(word))) continue;
    const { skip, add, serves } = treatmentOf(command);
    if (skip !== undefined) {
      console.log(`not run, as ${skip}: ${command}`);
      continue;
    }
    try {
      const named = command.replace('data=FOLDER', 'data=flowers').replace('/RUN/', () => `/${newestRun()}/`);
      // Opens no browser.
      const line = named.replace(/ --open$/, serves ? ' --open --no-browser' : '');
      await run(add === undefined ? line : `${line} ${add}`, serves);
    } catch (error) {
      failed.push(command);
      console.log(`FAILED: ${(error as Error).message}`);
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(failed.length === 0 ? 'all succeeded' : `failed:\n${failed.join('\n')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
