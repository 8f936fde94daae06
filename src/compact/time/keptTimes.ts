import { createHash, join, readFile } from '#platform';
import * as tf from '@tensorflow/tfjs';
import { currentBackend } from '../../backend/useBackend.js';
import { dataFolder } from '../../data/dataFolder.js';
import { jsonFile, writeFileWhole } from '../../platform/writeFile.js';
import type { WholeTimes, WidthTimes } from './widthTimes.js';

/** Increase this when layers take a different time than before on the same machine, or get other names. */
const version = 2;

/** Measurements on one machine, by the shapes of layers and networks, each prefixed with the number of images. */
export interface KeptTimes {
  machine: string;
  layers: Record<string, WidthTimes | undefined>;
  networks: Record<string, WholeTimes | undefined>;
}

/** Everything that times depend on except the network: backend, threads, processor and versions. */
export const timingMachine = (): string => currentBackend()?.description ?? tf.getBackend();

/** A short name for a text: twelve hexadecimal digits. */
export const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12);

const fileOf = (machine: string, root: string): string => join(root, `${digest(`${version} ${machine}`)}.json`);

const timesFolder = (): string => join(dataFolder(), 'times');

/** The measurements of this machine; empty if the file is missing or invalid. */
export async function readTimes(root = timesFolder()): Promise<KeptTimes> {
  const machine = timingMachine();
  const empty = { machine, layers: {}, networks: {} };
  try {
    const found = JSON.parse(await readFile(fileOf(machine, root), 'utf8')) as KeptTimes | null;
    return found?.machine === machine && found.layers && found.networks ? found : empty;
  } catch {
    return empty;
  }
}

/** Adds times to the stored ones; if they cannot be written, they are measured again next time. */
export async function keepTimes({ machine, layers, networks }: KeptTimes, root = timesFolder()): Promise<void> {
  const before = await readTimes(root);
  const all = {
    machine,
    layers: { ...before.layers, ...layers },
    networks: { ...before.networks, ...networks },
  };
  await writeFileWhole(fileOf(machine, root), `${JSON.stringify(all)}\n`, jsonFile).catch(() => undefined);
}
