// The examples of CONTRIBUTING.md: a whole new file, or lines behind the first line of a file that contains a text.

export interface Example {
  file: string;
  /** What the line contains behind which the code comes; undefined for a new file. */
  after: string | undefined;
  code: string;
}

/** The examples in a part of the page, in order. */
export const examplesIn = (page: string): Example[] =>
  [...page.matchAll(/^```\w+ file=(\S+)(?: after="([^"]*)")?\n(.*?)^```$/gms)].map(
    ([, file, after, code]): Example => ({ file, after, code }),
  );
