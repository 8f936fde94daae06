// Reads our event files with TensorBoard's own code, if Python has it (PYTHON selects the interpreter).
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../checkpoint/sample.ts';
import { decodeEventFile } from './decode.ts';
import { begun, logAll, wholeRun } from './events.ts';

const python = process.env.PYTHON ?? 'python3';

function runPython(code: string, ...args: string[]): string {
  return execFileSync(python, ['-c', code, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}

function missing(): string | false {
  try {
    runPython('import tensorboard');
    return false;
  } catch {
    return `${python} has no tensorboard`;
  }
}

/** Prints every curve as [step, value] pairs, and the names of the histograms; 0 keeps all points of a curve. */
const readAll = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util
accumulator = EventAccumulator(sys.argv[1], size_guidance={'scalars': 0, 'tensors': 0, 'histograms': 0})
accumulator.Reload()
tags = accumulator.Tags()
curves = {tag: [[e.step, e.value] for e in accumulator.Scalars(tag)] for tag in tags['scalars']}
for tag in tags['tensors']:
    points = [[e.step, tensor_util.make_ndarray(e.tensor_proto)] for e in accumulator.Tensors(tag)]
    if all(value.dtype.kind == 'f' and value.size == 1 for _, value in points):
        curves[tag] = [[step, float(value)] for step, value in points]
print(json.dumps({'curves': curves}))
`;

test('TensorBoard reads the curves that were written', { skip: missing() }, async (t) => {
  const run = await begun(temporaryFolder(t), { lambda_l0: 0.5 });
  await logAll(run, wholeRun);
  const [file] = readdirSync(run.dir).filter((name) => name.startsWith('events.out.tfevents.'));
  const expected: Record<string, [number, number][]> = {};
  for (const { tag, step, scalar } of decodeEventFile(readFileSync(join(run.dir, file))).shown) {
    if (scalar !== undefined) (expected[tag] ??= []).push([step, scalar]);
  }
  const { curves } = JSON.parse(runPython(readAll, run.dir)) as { curves: typeof expected };
  for (const [tag, points] of Object.entries(expected)) assert.deepEqual(curves[tag], points, tag);
});
