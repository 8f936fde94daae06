// Both Node and the page use this file, so it imports nothing.

/** The letters are the 85 characters from `#` on; `x` replaces `<`, which could begin a tag. */
const [first, tag, insteadOfTag] = [0x23, 0x3c, 0x78];

/** Encodes bytes as text that is safe in a script element: five letters for four bytes; base64 needs more than five. */
export function toBase85(bytes: Uint8Array): string {
  const letters = new Uint8Array(Math.ceil(bytes.length / 4) * 5);
  for (let block = 0; block * 4 < bytes.length; block++) {
    let value = 0;
    for (let i = 0; i < 4; i++) value = value * 256 + (bytes.at(block * 4 + i) ?? 0);
    for (let i = 4; i >= 0; i--) {
      const letter = first + (value % 85);
      letters[block * 5 + i] = letter === tag ? insteadOfTag : letter;
      value = Math.floor(value / 85);
    }
  }
  return `${bytes.length} ${new TextDecoder().decode(letters)}`;
}

/** Decodes what `toBase85` wrote. */
export function fromBase85(text: string): Uint8Array<ArrayBuffer> {
  const start = text.indexOf(' ') + 1;
  const bytes = new Uint8Array(Number(text.slice(0, start)));
  for (let block = 0; block * 4 < bytes.length; block++) {
    let value = 0;
    for (let i = 0; i < 5; i++) {
      const letter = text.charCodeAt(start + block * 5 + i);
      value = value * 85 + (letter === insteadOfTag ? tag : letter) - first;
    }
    for (let i = 3; i >= 0; i--) {
      if (block * 4 + i < bytes.length) bytes[block * 4 + i] = value % 256;
      value = Math.floor(value / 256);
    }
  }
  return bytes;
}
