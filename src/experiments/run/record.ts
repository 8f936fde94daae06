import { join, readFile, rm } from '#platform';
import { UserError } from '../../errors.js';
import { jsonFile, writeFileWhole } from '../../platform/writeFile.js';
import type { Scores } from '../../training/events.js';
import { listOf, number, oneOf, type Rule } from '../../rules.js';

/** The size of a whole network, and what is left of it after its method removed parts. */
interface Size {
  dense: number;
  left: number;
}

/** The measurements of a network: plain numbers, shares between 0 and 1. */
export interface Measured {
  /** Cross-entropy in nats, and the share of right answers. */
  validation: Scores & { images: number };
  test: Scores & { images: number };
  /** The same averaged over the views that the setting `tta` names, if it names any. */
  test_tta?: Scores & { images: number };
  sparsity: {
    /** By the complete count of all trained values. */
    complete: number;
    /**
     * By the L0 project's count, which its published table uses: it leaves out some layers. null except for GoogleNet's
     * channels.
     */
    published: number | null;
    /** Share of the kernels' entries that are exactly 0. */
    zeros: number;
  };
  parameters: Size;
  running_values: Size;
  /** Per image. */
  multiply_adds: Size;
  channels: { all: number; closed: number };
  /** Median milliseconds of a forward pass of the compact network by its number of images, if that was measured. */
  latency_ms?: Record<string, number>;
  /** The same, predicted from the times of its layers, if its training aimed at a time. */
  predicted_ms?: Record<string, number>;
  /** The method's own numbers: the lambda chosen last, the group lasso. */
  method: Record<string, number>;
  /** Share of zeros in each kernel, by its name, from input to output. */
  zeros: Record<string, number>;
}

/** The record of a finished run, in one form for all methods. */
export interface RunRecord extends Measured {
  format: 'sparsebook record';
  version: 1;
  /** The run's id. */
  run: string;
  name: string | null;
  tags: string[];
  /** The protocol, or `experiment` for one without a document. */
  experiment: string;
  network: string;
  methods: string[];
  seed: number;
  /** As the protocol spells them. */
  settings: Record<string, unknown>;
  data: { name: string; hash: string; train: number; validation: number; test: number };
  /**
   * The network that was measured: its epoch, counted from 1, and step; the `best` on the validation images, or the
   * last.
   */
  selected: { which: 'last' | 'best'; epoch: number; step: number };
  /** Accuracies after the last step, if that network was not selected. */
  last: { validation: number; test: number } | null;
  /** Accuracy on training images in the last epoch, each batch measured before its step. */
  train: number | null;
  epochs: number;
  steps: number;
  seconds: number;
  /** Backend, processor and versions. */
  machine: string;
  /** ISO 8601, UTC: when the run ended. */
  date: string;
}

const word: Rule<string> = { words: 'a text', accepts: (value): value is string => typeof value === 'string' };
const share = number({ min: 0, max: 1 });
const object: Rule<object> = {
  words: 'an object',
  accepts: (value): value is object => typeof value === 'object' && value !== null && !Array.isArray(value),
};

/** The fields that every record must have: other programs read records, and older versions wrote some. */
const required: Readonly<Record<string, Rule<unknown>>> = {
  format: oneOf('sparsebook record'),
  version: { words: '1', accepts: (value): value is 1 => value === 1 },
  run: word,
  experiment: word,
  network: word,
  methods: listOf(word),
  seed: number(),
  settings: object,
  'data.name': word,
  'data.hash': word,
  selected: object,
  'validation.accuracy': share,
  'validation.images': number(),
  'test.accuracy': share,
  'test.images': number(),
  'sparsity.complete': number(),
  'parameters.dense': number(),
  'parameters.left': number(),
  'multiply_adds.dense': number(),
  'multiply_adds.left': number(),
  epochs: number(),
  steps: number(),
  machine: word,
  date: word,
};

/** The first fault that keeps a value from being a record, if there is one. */
function faultOf(found: unknown): string | undefined {
  for (const [name, rule] of Object.entries(required)) {
    const value = name.split('.').reduce((part, key) => (Object(part) as Record<string, unknown>)[key], found);
    if (!rule.accepts(value)) return `${name} must be ${rule.words}; received ${JSON.stringify(value)}`;
  }
  return undefined;
}

const file = 'record.json';

/**
 * Writes the record of a finished run to its folder. Throws a UserError that names the file if it cannot be written.
 */
export async function saveRecord(dir: string, record: RunRecord): Promise<void> {
  await writeFileWhole(join(dir, file), `${JSON.stringify(record, null, 2)}\n`, jsonFile);
}

/** Deletes the record of a run that is to continue, if it has one. */
export const deleteRecord = (dir: string): Promise<void> => rm(join(dir, file), { force: true });

/** The record of a run; undefined for a run that is not finished. Throws a UserError for a file that is no record. */
export async function readRecord(dir: string): Promise<RunRecord | undefined> {
  const path = join(dir, file);
  const json = await readFile(path, 'utf8').catch(() => undefined);
  if (json === undefined) return undefined;
  let found: unknown;
  try {
    found = JSON.parse(json);
  } catch (error) {
    throw new UserError(`${path} is not JSON: ${(error as Error).message}. Delete it, and ask for the run again.`);
  }
  const fault = faultOf(found);
  if (fault === undefined) return found as RunRecord;
  throw new UserError(`${path} is not a record of version 1: ${fault}. Delete it, and ask for the run again.`);
}

/** The numbers of a record by names with dots: `test.accuracy`, `parameters.left`; nothing else. */
export function numbersOf(record: object, prefix = ''): Record<string, number> {
  return Object.fromEntries(
    Object.entries(record).flatMap(([name, value]: [string, unknown]): [string, number][] => {
      if (['settings', 'zeros', 'version'].includes(name) && prefix === '') return [];
      if (typeof value === 'number') return [[prefix + name, value]];
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
      return Object.entries(numbersOf(value, `${prefix}${name}.`));
    }),
  );
}
