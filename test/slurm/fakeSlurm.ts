// Slurm commands that record how they are called and answer as a test says.
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { pointsOf, type SweepPoint } from 'sparsebook/experiments/sweep/points.js';
import { readSpec } from 'sparsebook/experiments/sweep/spec.js';
import { Sweep } from 'sparsebook/experiments/sweep/sweep.js';
import { temporaryFolder } from '../training/checkpoint/sample.ts';

const commands = ['sbatch', 'scancel', 'scontrol', 'sinfo', 'squeue', 'sacct'] as const;
type Command = (typeof commands)[number];

export interface FakeSlurm {
  /** Sets the output of a command from now on; with `fails` the command prints it as an error and fails. */
  says(command: Command, text: string, fails?: boolean): void;
  /** The calls of a command, word by word. */
  calls(command: Command): string[][];
}

/** Puts fake commands before the machine's on the PATH. By default sbatch prints job numbers: 1, 2 and so on. */
export function fakeSlurm(t: TestContext): FakeSlurm {
  const dir = temporaryFolder(t);
  const script = `#!/bin/sh
own=${dir}/$(basename "$0")
{ printf '%s' "$1"; shift; for word in "$@"; do printf '\\t%s' "$word"; done; echo; } >> "$own.calls"
[ -e "$own.error" ] && cat "$own.error" >&2 && exit 1
if [ -e "$own.out" ]; then cat "$own.out"; elif [ "$own" = ${dir}/sbatch ]; then wc -l < "$own.calls"; fi
`;
  for (const name of commands) {
    writeFileSync(join(dir, name), script);
    chmodSync(join(dir, name), 0o755);
  }
  const before = process.env.PATH;
  process.env.PATH = `${dir}:${before}`;
  t.after(() => (process.env.PATH = before));
  const says: FakeSlurm['says'] = (command, text, fails = false) =>
    writeFileSync(join(dir, `${command}.${fails ? 'error' : 'out'}`), text);
  says('sinfo', 'main*|infinite|n/a\nshort|1:00|n/a\nlong|7-00:00:00|2:00:00\n');
  const calls = (command: Command): string[][] => {
    const path = join(dir, `${command}.calls`);
    const lines = existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : [];
    return lines.map((line) => line.split('\t'));
  };
  return { says, calls };
}

/** The points of a sweep that start from no other point. */
export const basesOf = ({ points }: Sweep): SweepPoint[] => points.filter(({ start }) => start === undefined);

/** A sweep with the point `base` for seeds 1 and 2, and two points that start from each of them. */
export async function graphSweep(t: TestContext, folder = 'graph'): Promise<Sweep> {
  const dir = join(temporaryFolder(t), folder);
  mkdirSync(dir);
  const file = join(dir, 'graph.yaml');
  writeFileSync(
    file,
    `settings: { network: c3, data: synthetic, epochs: 1 }
points:
  - { name: base, grid: { seed: [1, 2] } }
  - { name: after, start: { from: base }, grid: { lr: [0.01, 0.003], seed: [1, 2] } }
`,
  );
  return Sweep.at(dir, pointsOf(await readSpec([], { file })));
}
