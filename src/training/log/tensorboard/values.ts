import { encodeHparams, type HparamsMessage, type SummaryValue } from './schema.js';

/** Numbers of tensor types and of a session's outcome, as TensorBoard's messages have them. */
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

/** How many of the values lie in each of `bins` equal parts of [low, high]; values outside count in the outer ones. */
export function histogram(
  tag: string,
  values: Float32Array,
  { low = 0, high = 1, bins = 30 }: { low?: number; high?: number; bins?: number } = {},
): SummaryValue {
  const bucket = Array<number>(bins).fill(0);
  let [sum, sumSquares, min, max] = [0, 0, Infinity, -Infinity];
  for (const value of values) {
    const bin = Math.floor(((value - low) / (high - low)) * bins);
    bucket[Math.min(bins - 1, Math.max(0, bin))]++;
    sum += value;
    sumSquares += value * value;
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  const bucketLimit = bucket.map((_, bin) => low + ((high - low) * (bin + 1)) / bins);
  return { tag, histo: { min, max, num: values.length, sum, sumSquares, bucketLimit, bucket } };
}

/** The settings of a run, for the plugin that compares runs by them; settings within settings get names with dots. */
export function sessionStart(settings: unknown, startTimeSecs: number): SummaryValue {
  const hparams = Object.fromEntries(flatten(settings));
  return hparamsValue('_hparams_/session_start_info', { version: 0, sessionStartInfo: { hparams, startTimeSecs } });
}

/** How a run ended. */
export function sessionEnd(outcome: keyof typeof outcomes, endTimeSecs: number): SummaryValue {
  const sessionEndInfo = { status: outcomes[outcome], endTimeSecs };
  return hparamsValue('_hparams_/session_end_info', { version: 0, sessionEndInfo });
}

function hparamsValue(tag: string, message: HparamsMessage): SummaryValue {
  return {
    tag,
    // The plugin reads the metadata; a tensor must be there, whatever it is.
    tensor: { dtype: types.float, tensorShape: { dim: [{ size: 1 }] }, floatVal: [0] },
    metadata: { pluginData: { pluginName: 'hparams', content: encodeHparams(message) }, dataClass: tensorClass },
  };
}

type HparamValue = NonNullable<HparamsMessage['sessionStartInfo']>['hparams'][string];

function flatten(settings: unknown, prefix = ''): [string, HparamValue][] {
  return Object.entries(Object(settings) as Record<string, unknown>).flatMap(
    ([name, value]): [string, HparamValue][] => {
      const key = `${prefix}${name}`;
      if (value === undefined || value === null) return [];
      if (typeof value === 'number') return [[key, { numberValue: value }]];
      if (typeof value === 'boolean') return [[key, { boolValue: value }]];
      if (typeof value === 'object' && !Array.isArray(value)) return flatten(value, `${key}.`);
      return [[key, { stringValue: typeof value === 'string' ? value : JSON.stringify(value) }]];
    },
  );
}
