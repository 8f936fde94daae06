import { statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Answers one request. `range` is the first byte requested, if the client asked for a part. */
export type Answer = (response: ServerResponse, range: number | undefined, content: Buffer) => void;

/** Sends what was requested, like a good server. */
export const whole: Answer = (response, range, content) => {
  const start = range ?? 0;
  response.setHeader('content-length', content.length - start);
  if (range !== undefined) {
    response.setHeader('content-range', `bytes ${start}-${content.length - 1}/${content.length}`);
    response.statusCode = 206;
  }
  response.end(content.subarray(start));
};

/** Sends a status without content. */
export const status =
  (code: number): Answer =>
  (response) => {
    response.statusCode = code;
    response.end();
  };

/** Announces the full length and sends `bytes` bytes, then nothing more. */
export const stalled =
  (bytes: number): Answer =>
  (response, range, content) => {
    const start = range ?? 0;
    response.writeHead(range === undefined ? 200 : 206, {
      'content-length': content.length - start,
      'content-range': `bytes ${start}-${content.length - 1}/${content.length}`,
    });
    response.write(content.subarray(start, start + bytes));
  };

/**
 * Announces the full length, sends `bytes` bytes, then closes the connection.
 *
 * Waits until they are in the file that `path` names: a client drops unread data when its connection is closed.
 */
export const interrupted =
  (bytes: number, path: () => string): Answer =>
  (response, range, content) => {
    stalled(bytes)(response, range, content);
    const polling = setInterval(() => {
      if ((statSync(path(), { throwIfNoEntry: false })?.size ?? 0) >= (range ?? 0) + bytes) response.destroy();
    }, 5);
    response.once('close', () => clearInterval(polling));
  };

/** Never even sends headers. */
export const silence: Answer = () => undefined;

/** A server on 127.0.0.1 that offers one file and answers each request as told; the last answer is repeated. */
export class ArchiveServer {
  /** The first byte that each request asked for. */
  readonly ranges: (number | undefined)[] = [];
  private answers: Answer[] = [whole];
  private readonly server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const asked = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1];
    const range = asked === undefined ? undefined : Number(asked);
    const answer = this.answers[Math.min(this.ranges.length, this.answers.length - 1)];
    this.ranges.push(range);
    answer(response, range, this.content);
  });

  content: Buffer;

  constructor(content: Buffer) {
    this.content = content;
  }

  /** Starts to listen; returns the file's address. */
  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/cifar-10-binary.tar.gz`;
  }

  /** Sets the answers to the next requests; forgets the earlier ones. */
  plan(...answers: Answer[]): void {
    this.answers = answers;
    this.ranges.length = 0;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}
