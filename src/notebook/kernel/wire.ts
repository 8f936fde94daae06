import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import { isObject } from '../../formats/json.js';
import { grouped } from '../../formats/text.js';

export interface MessageHeader {
  msg_id: string;
  session: string;
  username: string;
  date: string;
  msg_type: string;
  version: string;
}

/** Returns a new header for a message of ours. */
export function headerOf(msg_type: string, session = ''): MessageHeader {
  const date = new Date().toISOString();
  return { msg_id: randomUUID(), session, username: 'sparsebook', date, msg_type, version: '5.3' };
}

/** The body of a Jupyter message; each message type has its own keys. */
export type MessageContent = Record<string, unknown>;

/** A Jupyter message (messaging protocol 5.3) without its transport. */
export interface Message {
  header: MessageHeader;
  parent_header: Partial<MessageHeader>;
  metadata: Record<string, unknown>;
  content: MessageContent;
}

/** A message as it came in, with the ZeroMQ routing prefix that a reply must repeat. */
export interface ReceivedMessage {
  identities: Buffer[];
  message: Message;
}

const DELIMITER = Buffer.from('<IDS|MSG>');

function signature(key: string, parts: (string | Buffer)[]): string {
  const hmac = createHmac('sha256', key);
  for (const part of parts) hmac.update(part);
  return hmac.digest('hex');
}

/** The frames of a message on the wire: routing prefix, delimiter, HMAC-SHA256 signature, four JSON parts. */
export function encodeMessage(key: string, message: Message, identities: Buffer[] = []): (string | Buffer)[] {
  const { header, parent_header, metadata, content } = message;
  const parts = [header, parent_header, metadata, content].map((part) => JSON.stringify(part));
  return [...identities, DELIMITER, signature(key, parts), ...parts];
}

function readPart(frame: Buffer): Record<string, unknown> {
  const part: unknown = JSON.parse(frame.toString());
  if (!isObject(part)) throw new Error('a part of a Jupyter message is not an object');
  return part;
}

/**
 * Reads the frames of a message; throws when the delimiter is missing, the signature does not match the key or a part
 * is malformed. Content of more than `largest` bytes is not read: `{ left_out: BYTES }` replaces it.
 */
export function decodeMessage(key: string, frames: Buffer[], largest = Infinity): ReceivedMessage {
  const delimiter = frames.findIndex((frame) => frame.equals(DELIMITER));
  if (delimiter < 0 || frames.length < delimiter + 6) throw new Error('a Jupyter message lacks its delimiter or parts');
  const parts = frames.slice(delimiter + 2);
  const [given, expected] = [frames[delimiter + 1], Buffer.from(signature(key, parts))];
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw new Error('a Jupyter message is not signed with the key of this kernel');
  }
  const [header, parent_header, metadata] = parts.slice(0, 3).map(readPart);
  if (typeof header.msg_type !== 'string') throw new Error('a Jupyter message does not say its type');
  const size = parts[3].length;
  const content = size > largest ? { left_out: size } : readPart(parts[3]);
  return {
    identities: frames.slice(0, delimiter),
    message: { header: header as unknown as MessageHeader, parent_header, metadata, content },
  };
}

/**
 * Returns how many characters the first UTF-16 units of a text form: the protocol counts characters in a cell,
 * JavaScript units.
 */
export function charactersIn(text: string, units: number): number {
  return [...text.slice(0, units)].length;
}

/** Returns how many UTF-16 units the first characters of a text take. */
export function unitsIn(text: string, characters: number): number {
  return [...text].slice(0, characters).join('').length;
}

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

/** Converts a value to a MIME bundle as notebooks may hold it: only JSON types may have values other than text. */
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

/**
 * Converts the values of a message to the types of Jupyter's protocol: a kernel is a foreign program, and may send
 * others.
 */
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
