import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from 'sparsebook/backend/random.js';
import type { Draws } from 'sparsebook/data/augment.js';
import type { ResizedCropRange } from 'sparsebook/data/resizedCrop.js';
import { randomBox } from 'sparsebook/data/resizedCrop.js';
import { readGolden } from '../goldens.ts';

interface Case {
  name: string;
  inputs: { attempts?: { area_scale: number; log_ratio: number }[] };
  attrs: ResizedCropRange & { height: number; width: number };
  expected: {
    accepted_attempt: number;
    fallback_whole_image: boolean;
    h: number;
    w: number;
    top_choices: number;
    left_choices: number;
    attempt_acceptance: number;
    probability_of_h_x_w: Record<string, number>;
  };
}

/** Returns the uniform numbers that lead to the golden file's areas and ratios, and records what was requested. */
class Replay implements Draws {
  readonly choices: number[] = [];
  drawn = 0;
  private readonly numbers: number[];

  constructor({ inputs, attrs: { scale, ratio } }: Case) {
    const [low, high] = [Math.log(ratio[0]), Math.log(ratio[1])];
    this.numbers = (inputs.attempts ?? []).flatMap(({ area_scale, log_ratio }) => [
      (area_scale - scale[0]) / (scale[1] - scale[0]),
      (log_ratio - low) / (high - low),
    ]);
  }

  next(): number {
    assert.ok(this.drawn < this.numbers.length, 'more numbers were drawn than the case has');
    return this.numbers[this.drawn++];
  }

  integer(n: number): number {
    this.choices.push(n);
    return n - 1;
  }
}

function checkDraws(golden: Case): void {
  const replay = new Replay(golden);
  const { height, width } = golden.attrs;
  const box = randomBox(replay, [height, width, 3], golden.attrs);
  const { h, w, top_choices, left_choices, accepted_attempt } = golden.expected;
  assert.deepEqual(box, { height: h, width: w, top: top_choices - 1, left: left_choices - 1 });
  assert.equal(accepted_attempt < 0, golden.expected.fallback_whole_image);
  const attempts = accepted_attempt < 0 ? 10 : accepted_attempt + 1;
  assert.equal(replay.drawn, 2 * attempts);
  assert.deepEqual(replay.choices, accepted_attempt < 0 ? [] : [top_choices, left_choices]);
}

function checkDistribution({ attrs, expected }: Case): void {
  const random = new Random(2026);
  const rounds = 40_000;
  const counts = new Map<string, number>();
  let draws = 0;
  const counting: Draws = { next: () => (draws++, random.next()), integer: (n) => random.integer(n) };
  for (let i = 0; i < rounds; i++) {
    const { height, width } = randomBox(counting, [attrs.height, attrs.width, 3], attrs);
    counts.set(`${height}x${width}`, (counts.get(`${height}x${width}`) ?? 0) + 1);
  }
  const sizes = new Set([...counts.keys(), ...Object.keys(expected.probability_of_h_x_w)]);
  for (const size of sizes) {
    const share = (counts.get(size) ?? 0) / rounds;
    const wanted = expected.probability_of_h_x_w[size] ?? 0;
    assert.ok(Math.abs(share - wanted) <= 0.01, `${size}: ${share}, expected ${wanted}`);
  }
  const acceptance = rounds / (draws / 2);
  assert.ok(Math.abs(acceptance - expected.attempt_acceptance) <= 0.01, `acceptance ${acceptance}`);
}

for (const golden of readGolden<Case>('random_resized_crop').cases) {
  test(`random_resized_crop: ${golden.name}`, () => {
    if (golden.inputs.attempts === undefined) checkDistribution(golden);
    else checkDraws(golden);
  });
}
