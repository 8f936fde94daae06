import { grouped } from '../../../formats/text.js';
import { isObject } from '../../run/notebook.js';
import type { Message, MessageContent } from '../wire.js';

type Read = (value: unknown) => unknown;

export function asText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === undefined || value === null) return '';
  if (Array.isArray(value) && value.every((line) => typeof line === 'string')) return value.join('');
  try {
    return JSON.stringify(value);
  } catch {
    return '…'; // nested too deeply
  }
}

const asObject: Read = (value) => (isObject(value) ? value : {});
const asCount: Read = (value) => (Number.isSafeInteger(value) && (value as number) >= 0 ? value : null);
const asLines: Read = (value) => (Array.isArray(value) ? value : value === undefined ? [] : [value]).map(asText);

/** A MIME bundle as notebooks may hold it: only JSON types have another value than a text. */
function asBundle(value: unknown): Record<string, unknown> {
  const isJson = (mime: string): boolean => /^application\/(.*\+)?json$/.test(mime);
  const entries = Object.entries(isObject(value) ? value : {});
  return Object.fromEntries(entries.map(([mime, data]) => [mime, isJson(mime) ? data : asText(data)]));
}

function asTransient(value: unknown): Record<string, unknown> {
  const id = isObject(value) ? value.display_id : undefined;
  return typeof id === 'string' ? { display_id: id } : {};
}

const failure = { ename: asText, evalue: asText, traceback: asLines };
const display = { data: asBundle, metadata: asObject, transient: asTransient };

/** For each type of message that is shown or acted on: its keys, and how their values are read. */
const keys: Record<string, Record<string, Read> | undefined> = {
  status: { execution_state: asText },
  execute_input: { code: asText, execution_count: asCount },
  stream: { name: (value) => (value === 'stderr' ? 'stderr' : 'stdout'), text: asText },
  display_data: display,
  update_display_data: display,
  execute_result: { ...display, execution_count: asCount },
  error: failure,
  clear_output: { wait: (value) => value === true },
  execute_reply: { ...failure, status: asText, execution_count: asCount },
  kernel_info_reply: {
    language_info: (value) => (isObject(value) && typeof value.name === 'string' ? value : undefined),
  },
};

function leftOut(type: string, bytes: number): MessageContent {
  const note = `… an output of ${grouped(bytes)} bytes is left out: so large a message is not read …`;
  return type === 'stream' ? { name: 'stderr', text: `${note}\n` } : { data: { 'text/plain': note }, evalue: note };
}

/** The message with the types of Jupyter's protocol: a kernel is a foreign program, and may send others. */
export function checkedMessage(message: Message): Message {
  const { msg_type: type } = message.header;
  const reads = Object.hasOwn(keys, type) ? keys[type] : undefined;
  if (!reads) return message;
  const { left_out, ...given } = message.content;
  const content = typeof left_out === 'number' ? leftOut(type, left_out) : given;
  const checked = Object.entries(reads).map(([key, read]): [string, unknown] => [key, read(content[key])]);
  const header = { ...message.header, date: asText(message.header.date) };
  return { ...message, header, content: { ...content, ...Object.fromEntries(checked) } };
}
