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

/** A message with these fields; the fields listed in one of `oneofs` exclude each other. */
export const message = (fields: protobuf.IType['fields'], oneofs: Record<string, string[]> = {}): protobuf.IType => ({
  fields,
  oneofs: Object.fromEntries(Object.entries(oneofs).map(([name, oneof]) => [name, { oneof }])),
});

/** Returns a function that encodes messages of one type as bytes. */
export const encoder =
  <Message extends object>(root: protobuf.Root, name: string) =>
  (message: Message): Uint8Array => {
    const type = root.lookupType(name);
    return type.encode(type.fromObject(message)).finish();
  };
