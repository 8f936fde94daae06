import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrainingEvent } from '../../events.js';
import { encodeEvent, encodeHparams, type FileEvent, type SummaryValue } from './schema.js';

/** Codes of tensor types and of a session's outcome in TensorBoard's messages. */
const types = { float: 1, string: 7 } as const;
const outcomes = { success: 1, failure: 2 } as const;
const tensorClass = 2;

/** One point of a curve. */
export function scalar(tag: string, value: number): SummaryValue {
  return { tag, simpleValue: value };
}

/** Text that TensorBoard shows as Markdown. */
export function text(tag: string, markdown: string): SummaryValue {
  return {
    tag,
    tensor: { dtype: types.string, tensorShape: { dim: [{ size: 1 }] }, stringVal: [Buffer.from(markdown)] },
    metadata: { pluginData: { pluginName: 'text' }, dataClass: tensorClass },
  };
}

/** The number of values in each of 30 equal parts of [0, 1]; values outside count in the outermost parts. */
function histogram(tag: string, values: Float32Array): SummaryValue {
  const bins = 30;
  const bucket = Array<number>(bins).fill(0);
  let [sum, sumSquares, min, max] = [0, 0, Infinity, -Infinity];
  for (const value of values) {
    bucket[Math.min(bins - 1, Math.max(0, Math.floor(value * bins)))]++;
    sum += value;
    sumSquares += value * value;
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  const bucketLimit = bucket.map((_, bin) => (bin + 1) / bins);
  return { tag, histo: { min, max, num: values.length, sum, sumSquares, bucketLimit, bucket } };
}

/** A message to the plugin that compares runs: it reads the metadata; the tensor is required, but not read. */
function hparams(tag: string, message: object): SummaryValue {
  return {
    tag: `_hparams_/${tag}`,
    tensor: { dtype: types.float, tensorShape: { dim: [{ size: 1 }] }, floatVal: [0] },
    metadata: {
      pluginData: { pluginName: 'hparams', content: encodeHparams({ version: 0, ...message }) },
      dataClass: tensorClass,
    },
  };
}

/** Settings as the plugin's values; nested settings get names with dots. */
function flatten(settings: unknown, prefix = ''): [string, object][] {
  return Object.entries(Object(settings) as Record<string, unknown>).flatMap(([name, value]): [string, object][] => {
    const key = `${prefix}${name}`;
    if (value === undefined || value === null) return [];
    if (typeof value === 'number') return [[key, { numberValue: value }]];
    if (typeof value === 'boolean') return [[key, { boolValue: value }]];
    if (typeof value === 'object' && !Array.isArray(value)) return flatten(value, `${key}.`);
    return [[key, { stringValue: typeof value === 'string' ? value : JSON.stringify(value) }]];
  });
}

/** The values that TensorBoard shows for an event; `gates` are masks by layer, and `seconds` is the time since 1970. */
function summariesOf(
  event: TrainingEvent,
  seconds: number,
  gates: ReadonlyMap<string, Float32Array> = new Map(),
): SummaryValue[] {
  if (event.type === 'step') {
    const { loss, crossEntropy, penalty, accuracy, imagesPerSecond, learningRate } = event;
    return scalars('step', { loss, crossEntropy, penalty, accuracy, imagesPerSecond, learningRate });
  }
  if (event.type === 'epoch') {
    return [
      ...scalars('train', { ...event.train }),
      ...scalars('validation', { ...event.validation }),
      ...scalars('sparsity', { ...event.sparsity }),
      ...scalars('epoch', { seconds: event.seconds }),
      ...[...gates].map(([layer, masks]) => histogram(`gates/${layer}`, masks)),
    ];
  }
  // A stopped run has not failed: its session stays open, and may continue.
  if (event.type === 'end' && event.reason !== 'aborted') {
    const status = event.reason === 'finished' ? outcomes.success : outcomes.failure;
    return [hparams('session_end_info', { sessionEndInfo: { status, endTimeSecs: seconds } })];
  }
  return [];
}

function scalars(group: string, values: Record<string, number>): SummaryValue[] {
  return Object.entries(values).map(([name, value]) => scalar(`${group}/${name}`, value));
}

/** Remainders of all bytes by the Castagnoli polynomial 0x1EDC6F41, bits reversed. */
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? 0x82f63b78 : 0);
  return remainder;
});

/** CRC-32C (RFC 3720, appendix B.4) of bytes, an unsigned 32-bit number. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = table[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** TensorFlow's masked CRC: the CRC of data that contains its own CRC would be weak. */
const masked = (bytes: Uint8Array): number => {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
};

/** Data framed as a TFRecord: length (8 bytes), its masked CRC-32C, the data, its masked CRC-32C; little endian. */
export function record(data: Uint8Array): Uint8Array {
  const framed = Buffer.alloc(8 + 4 + data.length + 4);
  framed.writeBigUInt64LE(BigInt(data.length));
  framed.writeUInt32LE(masked(framed.subarray(0, 8)), 8);
  framed.set(data, 12);
  framed.writeUInt32LE(masked(data), 12 + data.length);
  return framed;
}

/** The status of a starting session: TensorBoard then drops the events it had from that step on. */
const started = 1;

const framed = (event: FileEvent): Uint8Array => record(encodeEvent(event));

/** The first records of an event file: format, and settings as text and for comparing runs. */
export function fileHead(settings: unknown, time: number): Uint8Array {
  const wallTime = time / 1000;
  const sessionStartInfo = { hparams: Object.fromEntries(flatten(settings)), startTimeSecs: wallTime };
  const value = [
    text('settings', `\`\`\`json\n${JSON.stringify(settings, null, 2)}\n\`\`\``),
    hparams('session_start_info', { sessionStartInfo }),
  ];
  return Buffer.concat([framed({ wallTime, fileVersion: 'brain.Event:2' }), framed({ wallTime, summary: { value } })]);
}

/** An event of a run as records, none if there is nothing to show. `gates` are masks by layer, for histograms. */
export function fileRecords(event: TrainingEvent, time: number, gates?: ReadonlyMap<string, Float32Array>): Uint8Array {
  const wallTime = time / 1000;
  if (event.type === 'start') return framed({ wallTime, step: event.startStep + 1, sessionLog: { status: started } });
  const value: SummaryValue[] = summariesOf(event, wallTime, gates);
  if (value.length === 0) return new Uint8Array();
  return framed({ wallTime, step: 'step' in event ? event.step : 0, summary: { value } });
}

/** A finished run's results as records, one scalar each: TensorBoard's table of settings shows them as metrics. */
function metricRecords(metrics: Readonly<Record<string, number>>, step: number, time: number): Uint8Array {
  const value = Object.entries(metrics).map(([name, value]) => scalar(name, value));
  return framed({ wallTime: time / 1000, step, summary: { value } });
}

let files = 0;

/** A new event file's name; TensorBoard reads the files of a folder in alphabetical order. */
const fileName = (time: number): string =>
  `events.out.tfevents.${Math.floor(time / 1000)}.sparsebook.${process.pid}.${files++}`;

/** A run's event file, open for writing. */
export class EventFile {
  private constructor(private readonly file: FileHandle) {}

  /** Begins a file in the folder of a run with its settings; undefined if TensorBoard could not read it (in a page). */
  static async begin(dir: string, settings: unknown): Promise<EventFile | undefined> {
    const time = Date.now();
    const file = await open(join(dir, fileName(time)), 'ax');
    await file.appendFile(fileHead(settings, time));
    return new EventFile(file);
  }

  /** Adds an event; `gates` are masks by layer, for histograms. */
  async log(event: TrainingEvent, time: number, gates?: ReadonlyMap<string, Float32Array>): Promise<void> {
    await this.file.appendFile(fileRecords(event, time, gates));
  }

  /** Adds the finished run's results. */
  async logMetrics(metrics: Readonly<Record<string, number>>, step: number): Promise<void> {
    await this.file.appendFile(metricRecords(metrics, step, Date.now()));
  }

  /** Waits until the data is on the disk. */
  async sync(): Promise<void> {
    await this.file.sync();
  }

  async close(): Promise<void> {
    await this.file.close();
  }
}
