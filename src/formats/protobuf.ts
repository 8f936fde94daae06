import type protobuf from 'protobufjs/light.js';

/** A field of a message: its type and number. */
export const field = (type: string, id: number): protobuf.IField => ({ type, id });

/** A field that holds a list; numbers may be packed. */
export const repeated = (type: string, id: number, packed = false): protobuf.IField => ({
  rule: 'repeated',
  type,
  id,
  ...(packed ? { options: { packed: true } } : {}),
});

/** A message of some fields, of which those of one of `oneofs` stand for each other. */
export const message = (fields: protobuf.IType['fields'], oneofs: Record<string, string[]> = {}): protobuf.IType => ({
  fields,
  oneofs: Object.fromEntries(Object.entries(oneofs).map(([name, oneof]) => [name, { oneof }])),
});

/** What turns messages of one type into bytes. */
export const encoder =
  <Message extends object>(root: protobuf.Root, name: string) =>
  (message: Message): Uint8Array => {
    const type = root.lookupType(name);
    return type.encode(type.fromObject(message)).finish();
  };
