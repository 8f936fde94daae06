// The examples of CONTRIBUTING.md: a whole new file, or lines after the first line of a file that contains a text.

export interface Example {
  file: string;
  /** A text in the line after which the code is inserted; undefined for a new file. */
  after: string | undefined;
  code: string;
}

/** The examples in a part of the page, in order. */
export const examplesIn = (page: string): Example[] =>
  [...page.matchAll(/^```\w+ file=(\S+)(?: after="([^"]*)")?\n(.*?)^```$/gms)].map(
    ([, file, after, code]): Example => ({ file, after, code }),
  );
