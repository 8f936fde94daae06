import assert from 'node:assert/strict';
import { test } from 'node:test';
import { givenInWords } from 'sparsebook/experiments/settings/givenInWords.js';
import { settle } from 'sparsebook/experiments/settings/settle.js';
import { trainerOptions } from 'sparsebook/experiments/trainerOptions.js';
import { trainerSchema, type TrainerSettings } from 'sparsebook/experiments/trainerSettings.js';
import { assertClose } from '../goldens.ts';
import { colours } from '../training/small.ts';

const data = { train: colours(50) };
const settings = (...words: string[]): TrainerSettings =>
  settle(trainerSchema({ schedule: 'steps', milestones: [2] }), givenInWords(words));

/** The schedule's factors at the first step of each of 8 epochs of 5 steps. */
function factors(...words: string[]): number[] {
  const { schedule } = trainerOptions({ ...settings(...words), epochs: 8, batch_size: 10 }, data);
  return Array.from({ length: 8 }, (_, epoch) => schedule({ epoch, step: 5 * epoch, totalSteps: 40 }));
}

test('the learning rate goes as the schedule says', () => {
  const cases: [string[], number[]][] = [
    [[], [1, 1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]],
    [
      ['milestones=1,4', 'lr_decay=0.5'],
      [1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25],
    ],
    [['schedule=constant'], Array<number>(8).fill(1)],
    [
      ['schedule=exponential', 'decay_epochs=3', 'lr_decay=0.5'],
      [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25],
    ],
    [['schedule=exponential', 'decay_epochs=0.4', 'lr_decay=0.5'], [1, 4, 32, 128].map((n) => 1 / n)],
  ];
  for (const [words, expected] of cases) {
    assertClose(factors(...words).slice(0, expected.length), expected, { relative: 1e-9 }, words.join(' '));
  }
  const cycle = factors('schedule=one-cycle');
  assertClose(cycle.slice(0, 1), [0.04], { relative: 1e-9 }, 'start');
  assert.equal(cycle.indexOf(Math.max(...cycle)), 2, 'the top is after three tenths of the 40 steps');
});

test('what the schedule does not use is refused with the reason', () => {
  for (const [word, schedule] of [
    ['milestones=[3]', 'one-cycle'],
    ['milestones=[3]', 'exponential'],
    ['lr_decay=0.5', 'constant'],
    ['lr_decay=0.5', 'one-cycle'],
    ['decay_epochs=3', 'steps'],
  ]) {
    assert.throws(() => settings(`schedule=${schedule}`, word), {
      name: 'UserError',
      message: `${word} contradicts the other settings: schedule=${schedule} does not use it.`,
    });
  }
  assert.throws(() => settings('ema_decay=1'), { message: /ema_decay must be a number of at least 0 and below 1, or/ });
});
