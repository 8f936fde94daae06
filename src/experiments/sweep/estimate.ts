import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { dataFolder } from '../../data/dataFolder.js';
import { jsonFile, writeFileWhole } from '../../platform/writeFile.js';
import type { DataSplits } from '../../data/dataSplits.js';
import { halfOf, lengthOf } from '../run/session.js';
import type { ExperimentSettings } from '../experimentSettings.js';
import { settingsOfPoint, type SweepPoint } from './points.js';
import { protocolNamed } from './spec.js';
import { speedNames, type Speed } from './speed.js';

/** How a machine is shared out: the number of runs at once, and the threads of each. */
export interface Sharing {
  jobs: number;
  threads: number;
}

/** A point's experiment. */
export const experimentOf = (point: SweepPoint): ExperimentSettings =>
  protocolNamed(point.protocol).experiment(settingsOfPoint(point));

const decidesSpeed = [
  ...(['network', 'width', 'methods', 'batch_size', 'data', 'image_size', 'classes', 'augment', 'optimizer'] as const),
  ...(['progressive_resizing', 'ema_decay', 'backend', 'model'] as const),
];

/** A hash of everything that the speed of an experiment depends on. */
export function speedKey(settings: ExperimentSettings, { jobs, threads }: Sharing): string {
  const kind = decidesSpeed.map((name) => settings[name]);
  const machine = [cpus()[0]?.model, cpus().length, process.versions.node];
  return createHash('sha256').update(JSON.stringify({ kind, machine, jobs, threads })).digest('hex').slice(0, 16);
}

const speedsFile = (): string => join(dataFolder(), 'speeds.json');

/** The speeds that were measured on this machine, by `speedKey`. */
export async function knownSpeeds(): Promise<Map<string, Speed>> {
  try {
    const all = Object(JSON.parse(await readFile(speedsFile(), 'utf8'))) as Record<string, Speed>;
    const isWhole = (speed: Speed): boolean =>
      speedNames.every((name) => Number.isFinite((Object(speed) as Speed)[name])) &&
      speed.train > 0 &&
      speed.evaluate > 0;
    return new Map(Object.entries(all).filter(([, speed]) => isWhole(speed)));
  } catch {
    return new Map();
  }
}

/** Adds a speed to the known ones; if the file cannot be written, the speed is measured again next time. */
export async function keepSpeed(key: string, speed: Speed): Promise<void> {
  const all = Object.fromEntries((await knownSpeeds()).set(key, speed));
  await writeFileWhole(speedsFile(), `${JSON.stringify(all, null, 1)}\n`, jsonFile).catch(() => undefined);
}

/** Seconds that a run takes at a speed. */
export function secondsOf(settings: ExperimentSettings, data: DataSplits, speed: Speed): number {
  const { train, validation, test } = halfOf(data, settings.half);
  const { begun: epochs, steps, stepsPerEpoch } = lengthOf(settings, train.labels.length);
  const [validations, tests] = [validation.labels.length, test.labels.length];
  // The best network and the last one are both measured if they differ, which is not known in advance.
  const measured = (settings.select === 'best' ? 1.5 : 1) * (validations + tests);
  const trained = (steps / stepsPerEpoch) * Math.min(train.labels.length, stepsPerEpoch * settings.batch_size);
  const saves = Math.floor((epochs - 1) / settings.checkpoints.every_epochs);
  return (
    trained / speed.train + (epochs * validations + measured) / speed.evaluate + speed.overhead + saves * speed.save
  );
}

/** A point's time: beside others, and with the machine to itself (`alone`). */
export interface PointTime {
  id: string;
  start?: string;
  seconds: number;
  alone: number;
}

/** Seconds until all points are done if `jobs` run at once, each as soon as the point that it starts from is done. */
export function secondsOfAll(points: readonly PointTime[], jobs: number): number {
  const ends = new Map<string, number>();
  const free = Array.from({ length: jobs }, () => 0);
  const left = [...points];
  // The point that it starts from is done before, or was finished already.
  const readyAt = ({ start }: PointTime): number =>
    left.some(({ id }) => id === start) ? Infinity : ((start === undefined ? undefined : ends.get(start)) ?? 0);
  while (left.length > 0) {
    const job = free.indexOf(Math.min(...free));
    const next = left.reduce((best, point) =>
      Math.max(readyAt(point), free[job]) < Math.max(readyAt(best), free[job]) ? point : best,
    );
    const begin = Math.max(readyAt(next), free[job]);
    left.splice(left.indexOf(next), 1);
    const isAlone =
      free.every((until, other) => other === job || until <= begin) && !left.some((other) => readyAt(other) <= begin);
    free[job] = begin + (isAlone ? next.alone : next.seconds);
    ends.set(next.id, free[job]);
  }
  return Math.max(0, ...ends.values());
}
