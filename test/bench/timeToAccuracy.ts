// Seconds of training to 80, 85, 90 and 94 % accuracy on CIFAR-10's test images, by the fast recipe, for sparsebook and
// for PyTorch: the same network from the same start weights, with the same images, learning rates and augmentation.
// They take turns, one epoch each, so that other load on the machine affects both. Only training is timed; the test
// images are evaluated after each epoch.
//   npm run bench:accuracy                              airbench
//   npm run bench:accuracy -- --epochs 12 --seed 1      longer, another start
//   npm run bench:accuracy -- --no-torch googlenet
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { useBackend } from 'sparsebook/backend/useBackend.js';
import { namedWeights } from 'sparsebook/graph/names.js';
import type { ExperimentSettings } from 'sparsebook/experiments/experimentSettings.js';
import { protocolSettings } from 'sparsebook/experiments/protocols/protocol.js';
import { protocols } from 'sparsebook/experiments/protocols/protocols.js';
import { factorsOf, normalisationOf } from 'sparsebook/experiments/recipe.js';
import { imagesOf, openSession, type Session } from 'sparsebook/experiments/run/session.js';
import { givenInWords } from 'sparsebook/experiments/settings/written.js';
import { pickImages, type ImageSet } from 'sparsebook/data/imageSet.js';
import { evaluate } from 'sparsebook/training/evaluate.js';
import { startPeer } from './peer.ts';

const targets = [0.8, 0.85, 0.9, 0.94];
const twins = ['airbench', 'googlenet'];

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    epochs: { type: 'string' },
    seed: { type: 'string', default: '0' },
    threads: { type: 'string', default: '2' },
    data: { type: 'string', default: 'cifar10' },
    train: { type: 'string' },
    'no-torch': { type: 'boolean', default: false },
  },
});
const [network = 'airbench'] = positionals;
if (!twins.includes(network)) throw new Error(`no twin of ${network}; there are ${twins.join(', ')}`);

/** An epoch's training time, and the test accuracy after it, with mirrored and shifted views. */
interface Epoch {
  seconds: number;
  accuracy: number;
}

interface Contestant {
  name: string;
  epoch(): Promise<Epoch | undefined>;
  close(): void;
}

function ours(session: Session, settings: ExperimentSettings): Contestant {
  const { model, data } = session;
  const events = session.events();
  return {
    name: 'sparsebook',
    async epoch() {
      for (;;) {
        const { value: event, done } = await events.next();
        if (done || event.type === 'end') return undefined;
        if (event.type !== 'epoch') continue;
        const normalise = normalisationOf(settings, data.train);
        const { accuracy } = await evaluate(model, data.test, { normalise, tta: settings.tta });
        return { seconds: event.seconds, accuracy };
      }
    },
    close: () => session.dispose(),
  };
}

const parts = ['first', 'second', '1x1', '3x3_reduce', '3x3', '5x5_reduce', '5x5', 'pool'];

/** The position of a kernel, given by its name, in the order in which PyTorch declares its modules. */
function place(name: string): number {
  const [, block, part] = /^block(\d)_(\w+)_conv/.exec(name) ?? [];
  return block ? Number(block) * 10 + parts.indexOf(part) : name.startsWith('logits') ? Infinity : 0;
}

/** Writes PyTorch's inputs: images, labels, start weights and the recipe. */
function writeProblem(folder: string, { model, data, length }: Session, settings: ExperimentSettings): void {
  const write = (name: string, values: ArrayBufferView): void =>
    writeFileSync(join(folder, name), new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  const part = (name: string, { images, labels }: ImageSet): void => {
    write(`${name}.images`, images);
    write(`${name}.labels`, Uint8Array.from(labels));
  };
  part('train', data.train);
  part('test', data.test);
  const named = [...namedWeights(model)].filter(([name]) => name.endsWith('/kernel'));
  const kernels = named.sort(([a], [b]) => place(a) - place(b));
  const values = kernels.map(([, weight]) => weight.read().dataSync<'float32'>());
  write('kernels', Float32Array.from(values.flatMap((kernel) => [...kernel])));
  const zero = new Float32Array(3);
  const one = new Float32Array(3).fill(255);
  for (const pixel of [zero, one]) normalisationOf(settings, data.train)(pixel, [1, 1, 3]);
  const { lr, momentum, relative_lr, weight_decay, batch_size, label_smoothing, augment, tta, seed } = settings;
  const { progressive_resizing } = settings;
  const rates = { lr, momentum, relative_lr, weight_decay };
  const recipe = { ...rates, batch_size, label_smoothing, augment, progressive_resizing, tta, seed };
  const shapes = kernels.map(([, weight]) => weight.shape);
  const normalised = { zero: [...zero], one: [...one] };
  const problem = {
    network,
    ...recipe,
    ...normalised,
    shapes,
    epochs: length.epochs,
    factors: factorsOf(settings, length),
  };
  writeFileSync(join(folder, 'problem.json'), JSON.stringify(problem));
}

/** PyTorch in a process of its own; undefined if it is not installed. */
async function torch(folder: string): Promise<Contestant | undefined> {
  const peer = await startPeer('time_to_accuracy.py', [folder, options.threads], { tunedMalloc: true });
  return (
    peer && {
      name: `${peer.ready}, channels last, tuned malloc`,
      async epoch() {
        const answer = await peer.ask('epoch');
        return answer === undefined ? undefined : (JSON.parse(answer) as Epoch);
      },
      close: () => peer.close(),
    }
  );
}

const machine = await useBackend({ threads: Number(options.threads) });
const words = [`network=${network}`, 'recipe=fast', `seed=${options.seed}`, `data=${options.data}`];
if (options.epochs !== undefined) words.push(`epochs=${options.epochs}`);
if (options.train !== undefined) words.push(`sizes.train=${options.train}`);
const settings = protocols.experiment.experiment(protocolSettings(protocols.experiment, givenInWords(words)));
const data = await imagesOf(settings);
const { train, test, name } = data;
// One validation image, so that an epoch's seconds are spent on its steps.
const validation = pickImages(test, Uint32Array.of(0), `${test.name}, the first`);
const session = await openSession(settings, { ...data, validation });
const folder = mkdtempSync(join(tmpdir(), 'sparsebook-accuracy-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
writeProblem(folder, session, settings);
const contestants = [ours(session, settings), options['no-torch'] ? undefined : await torch(folder)].filter(
  (contestant) => contestant !== undefined,
);
console.log(
  `${network} on ${name}, ${train.labels.length} images, ${session.length.epochs} epochs, seed ${settings.seed}`,
);
console.log(`${machine.description}\n`);
const header = contestants.map((contestant) => ` ${contestant.name}, s | test, % |`).join('');
console.log(`| epoch |${header}\n|---|${'---|---|'.repeat(contestants.length)}`);
const elapsed = contestants.map(() => 0);
const reached = contestants.map(() => new Map<number, number>());
for (let epoch = 1; epoch <= session.length.epochs; epoch++) {
  const cells: string[] = [];
  for (const [i, contestant] of contestants.entries()) {
    const result = await contestant.epoch();
    if (!result) throw new Error(`${contestant.name} stopped in epoch ${epoch}`);
    elapsed[i] += result.seconds;
    for (const target of targets) {
      if (result.accuracy >= target && !reached[i].has(target)) reached[i].set(target, elapsed[i]);
    }
    cells.push(` ${elapsed[i].toFixed(0)} | ${(100 * result.accuracy).toFixed(2)} |`);
  }
  console.log(`| ${epoch} |${cells.join('')}`);
}
console.log(
  `\n| seconds to |${targets.map((target) => ` ${100 * target} % |`).join('')}\n|---|${'---|'.repeat(targets.length)}`,
);
contestants.forEach((contestant, i) => {
  const cells = targets.map((target) => ` ${reached[i].get(target)?.toFixed(0) ?? 'not reached'} |`);
  console.log(`| ${contestant.name} |${cells.join('')}`);
  contestant.close();
});
process.exit(0);
