import { createHash, join, readFile } from '#platform';
import * as tf from '@tensorflow/tfjs';
import { currentBackend } from '../../backend/useBackend.js';
import { dataFolder } from '../../data/dataFolder.js';
import { jsonFile, writeFileWhole } from '../../platform/writeFile.js';
import type { WholeTimes, WidthTimes } from './widthTimes.js';

/** Increase this when layers take another time than before on the same machine, or get other names. */
const version = 2;

/** What was measured on one machine: shapes of layers and networks, each with the number of images in front. */
export interface KeptTimes {
  machine: string;
  layers: Record<string, WidthTimes | undefined>;
  networks: Record<string, WholeTimes | undefined>;
}

/** What times depend on besides the network: backend, threads, processor and versions. */
export const timingMachine = (): string => currentBackend()?.description ?? tf.getBackend();

/** A short name for a text: twelve hexadecimal digits. */
export const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12);

const fileOf = (machine: string, root: string): string => join(root, `${digest(`${version} ${machine}`)}.json`);

const timesFolder = (): string => join(dataFolder(), 'times');

/** What was measured on this machine; nothing where a file is not there, or is not one of these. */
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

/** Adds times to those that are kept; where they cannot be written, they are measured again next time. */
export async function keepTimes({ machine, layers, networks }: KeptTimes, root = timesFolder()): Promise<void> {
  const before = await readTimes(root);
  const all = {
    machine,
    layers: { ...before.layers, ...layers },
    networks: { ...before.networks, ...networks },
  };
  await writeFileWhole(fileOf(machine, root), `${JSON.stringify(all)}\n`, jsonFile).catch(() => undefined);
}
