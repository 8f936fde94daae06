import type { TrainingEvent } from '../../events.js';
import { record } from './record.js';
import { encodeEvent, type FileEvent, type SummaryValue } from './schema.js';
import { summariesOf } from './summariesOf.js';
import { sessionStart, text } from './values.js';

/** The status of a session that starts: TensorBoard then drops what it had of the steps from that one on. */
const started = 1;

const framed = (event: FileEvent): Uint8Array => record(encodeEvent(event));

/** The records that an event file begins with: format, and settings as text and for comparing runs. */
export function fileHead(settings: unknown, time: number): Uint8Array {
  const wallTime = time / 1000;
  const value = [
    text('settings', `\`\`\`json\n${JSON.stringify(settings, null, 2)}\n\`\`\``),
    sessionStart(settings, wallTime),
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

let files = 0;

/** A new event file's name; TensorBoard reads those of a folder in alphabetical order. */
export function fileName(time: number): string {
  return `events.out.tfevents.${Math.floor(time / 1000)}.sparsebook.${process.pid}.${files++}`;
}
