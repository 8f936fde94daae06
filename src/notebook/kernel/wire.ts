import { createHmac } from 'node:crypto';

/** The head of a Jupyter message: who asked, when, and for what. */
export interface MessageHeader {
  msg_id: string;
  session: string;
  username: string;
  date: string;
  msg_type: string;
  version: string;
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

const DELIMITER = '<IDS|MSG>';

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

/** Reads the frames of a message; throws when the delimiter is missing or the signature is not the key's. */
export function decodeMessage(key: string, frames: Buffer[]): ReceivedMessage {
  const delimiter = frames.findIndex((frame) => frame.toString() === DELIMITER);
  if (delimiter < 0 || frames.length < delimiter + 6) throw new Error('a Jupyter message lacks its delimiter or parts');
  const parts = frames.slice(delimiter + 2);
  if (frames[delimiter + 1].toString() !== signature(key, parts)) {
    throw new Error('a Jupyter message is not signed with the key of this kernel');
  }
  const [header, parent_header, metadata, content] = parts.slice(0, 4).map((p) => JSON.parse(p.toString()) as object);
  return {
    identities: frames.slice(0, delimiter),
    message: { header, parent_header, metadata, content } as Message,
  };
}
