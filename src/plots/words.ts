/** A number for people: three significant digits, no trailing zeros, whole numbers in full, a true minus sign. */
export function number(value: number): string {
  const text = Number.isInteger(value) ? value.toLocaleString('en-US') : String(Number(value.toPrecision(3)));
  return text.replace('-', '−');
}

/** A share as a percentage with one decimal: 0.1234 becomes "12.3 %". */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** A list in a sentence: "a", "a and b", "a, b and c". */
export function list(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words[words.length - 1]}`;
}
