import { basename, Buffer, join, readFile, resolve, open, stat } from '#platform';
import { UserError } from '../../errors.js';
import { type TrainingEvent, type EpochEvent, type StartEvent, type StepEvent, stepsOf } from '../events.js';
import type { Provenance } from './provenance.js';

/** The contents of a run's folder, except TensorBoard's event files. */
export const runFiles = {
  settings: 'settings.json',
  provenance: 'provenance.json',
  metrics: 'metrics.jsonl',
  checkpoints: 'checkpoints',
  /** Exists while a process writes to the run. */
  lock: 'run.lock',
} as const;

/** An event and when it was logged, in milliseconds since 1970. */
export type LoggedEvent = TrainingEvent & { time: number };

const words = new Set(['NaN', 'Infinity', '-Infinity']);
const aWord = /"(NaN|-?Infinity)"/;

/**
 * An event as one line of JSON. Numbers that JSON cannot represent are written as the words NaN, Infinity, -Infinity.
 */
export function eventLine(event: LoggedEvent): string {
  const text = JSON.stringify(event, (_, value: unknown) =>
    typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
  );
  return `${text}\n`;
}

/** The event of a line; undefined for a line that is not an event, such as a truncated last line. */
export function parseEventLine(line: string): LoggedEvent | undefined {
  try {
    const number = (_: string, value: unknown): unknown =>
      typeof value === 'string' && words.has(value) ? Number(value) : value;
    // Parsing with a reviver takes three times as long, so only lines with such a word use one.
    const event: unknown = JSON.parse(line, aWord.test(line) ? number : undefined);
    const { type, time } = Object(event) as Partial<LoggedEvent>;
    return typeof type === 'string' && typeof time === 'number' ? (event as LoggedEvent) : undefined;
  } catch {
    return undefined;
  }
}

/** Anything with a type, such as an event of a run. */
interface Typed {
  readonly type: string;
}

/**
 * Adds an event to the earlier events of a run. A resumed run repeats the steps after its checkpoint and logs them
 * again: its start event removes the earlier events of these steps.
 */
export function addEvent<Event extends Typed>(events: Event[], event: Event): void {
  if (event.type === 'start') {
    const { startStep } = event as unknown as { startStep: number };
    const kept = events.filter((earlier) => !isBehind(earlier, startStep));
    events.splice(0, events.length, ...kept);
  }
  events.push(event);
}

function isBehind(event: Typed, step: number): boolean {
  return event.type === 'end' || ('step' in event && (event.step as number) > step);
}

/** A run as read from its folder. */
export interface LoggedRun {
  id: string;
  dir: string;
  settings: unknown;
  provenance: Partial<Provenance>;
  /** In order; steps that a resumed run repeated appear once. */
  events: LoggedEvent[];
}

/**
 * Reads a run's folder, even if the run is still running or was killed in the middle of a line. Without `steps` only
 * the last of consecutive step events is kept, which is much faster for long runs.
 *
 * Throws a UserError that names the file, and the line, if the folder is not a run or is damaged.
 */
export async function readRun(dir: string, { steps = true }: { steps?: boolean } = {}): Promise<LoggedRun> {
  const path = resolve(dir);
  // First, so that the error for a folder that is not a run always names the same file.
  const settings = await readJson(join(path, runFiles.settings));
  const [provenance, events] = await Promise.all([
    readProvenance(path),
    readEvents(join(path, runFiles.metrics), steps),
  ]);
  return { id: basename(path), dir: path, settings, provenance, events };
}

/** The provenance of a run, without the rest of its folder. Throws a UserError that names the file. */
export async function readProvenance(dir: string): Promise<Partial<Provenance>> {
  return (await readJson(join(resolve(dir), runFiles.provenance))) as Partial<Provenance>;
}

async function readBytes(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new UserError(
      `${path} cannot be read: ${(error as Error).message}. A run is a folder with ${runFiles.settings}, ` +
        `${runFiles.provenance} and ${runFiles.metrics}.`,
      { cause: error },
    );
  }
}

async function readJson(path: string): Promise<unknown> {
  const text = (await readBytes(path)).toString('utf8');
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new UserError(`${path} is not JSON: ${(error as Error).message}.`, { cause: error });
  }
}

const newline = '\n'.charCodeAt(0);
/**
 * The offset of a line's type, and the type 'step' as a number: most lines are steps, which are skipped without
 * parsing.
 */
const typeAt = '{"type":"'.length;
const step = Buffer.from('step').readUInt32BE();

async function readEvents(path: string, steps: boolean): Promise<LoggedEvent[]> {
  const bytes = await readBytes(path);
  // A line counts once its newline is written: the rest after the last newline is half a line.
  const whole = bytes.lastIndexOf(newline) + 1;
  const isStep = (at: number): boolean => at + typeAt + 4 < whole && bytes.readUInt32BE(at + typeAt) === step;
  const events: LoggedEvent[] = [];
  let number = 0;
  for (let start = 0, next: number; start < whole; start = next) {
    next = bytes.indexOf(newline, start) + 1;
    number++;
    if (!steps && isStep(start) && isStep(next)) continue;
    const line = bytes.toString('utf8', start, next - 1);
    const event = parseEventLine(line);
    if (!event) throw new UserError(`Line ${number} of ${path} is not an event: ${line.slice(0, 80)}`);
    addEvent(events, event);
  }
  return events;
}

/** How far a run is. */
export interface RunProgress {
  epoch: number;
  epochs: number;
  step: number;
  steps: number;
  imagesPerSecond: number;
  /** In seconds, at that speed. */
  left: number;
}

const TAIL = 16_384;

/** How far a run is, read from the beginning and the end of its log; undefined before its first step. */
export async function progressOf(dir: string): Promise<RunProgress | undefined> {
  const path = join(dir, runFiles.metrics);
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  if (size === 0) return undefined;
  const file = await open(path, 'r');
  try {
    const read = async (at: number): Promise<LoggedEvent[]> => {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(TAIL, size - at)), 0, undefined, at);
      const lines = buffer.toString('utf8', 0, bytesRead).split('\n');
      return lines.flatMap((line) => parseEventLine(line) ?? []);
    };
    const [first, last] = [await read(0), await read(Math.max(0, size - TAIL))];
    const start = [...first, ...last].findLast((event): event is LoggedEvent & StartEvent => event.type === 'start');
    const steps = last.filter((event): event is LoggedEvent & StepEvent => event.type === 'step');
    const step = steps.at(-1);
    if (!start || !step) return undefined;
    const { epochs, stepsPerEpoch, batchSize, trainingImages } = start;
    const all = stepsOf(start);
    // Whole epochs count their validation too.
    const epoch = [...first, ...last].findLast((event): event is LoggedEvent & EpochEvent => event.type === 'epoch');
    const speed = steps.reduce((sum, { imagesPerSecond }) => sum + imagesPerSecond, 0) / steps.length;
    const left = epoch
      ? ((all - step.step) / stepsPerEpoch) * epoch.seconds
      : ((all - step.step) * Math.min(batchSize, trainingImages)) / speed;
    return { epoch: step.epoch + 1, epochs, step: step.step, steps: all, imagesPerSecond: speed, left };
  } finally {
    await file.close();
  }
}
