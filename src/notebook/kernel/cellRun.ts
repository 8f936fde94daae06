// What a cell publishes, in the kernel's process and in a page that runs; it uses nothing of Node.
import type { Bundle } from '../display/output.js';
import type { MessageContent } from './wire.js';

/** Why a cell failed, as Jupyter's `error` message has it. */
export interface CellFailure {
  ename: string;
  evalue: string;
  /** One line of text each. */
  traceback: string[];
}

/** How values and errors are shown. */
interface Words {
  bundleOf(value: unknown): Bundle;
  failureOf(thrown: unknown): CellFailure;
}

/** One execution of one cell, as the frontend sees it. */
export class CellRun {
  failure: CellFailure | undefined;
  /** Ends the cell early, as failed for this reason. */
  stop!: (reason: unknown) => void;
  readonly stopped = new Promise<never>((_, reject) => (this.stop = reject));
  private readonly streams = new StreamJoiner((name, text) => this.publish('stream', { name, text }));

  constructor(
    readonly code: string,
    private readonly publish: (type: string, content: MessageContent) => void,
    private readonly words: Words,
  ) {
    this.stopped.catch(() => undefined); // it may have no awaiter
  }

  start(executionCount: number): void {
    this.publish('execute_input', { code: this.code, execution_count: executionCount });
  }

  write(name: StreamName, text: string): void {
    this.streams.write(name, text);
  }

  display(content: MessageContent, update: boolean): void {
    this.streams.flush();
    this.publish(update ? 'update_display_data' : 'display_data', content);
  }

  /** Publishes the value of the cell's last expression. */
  result(value: unknown, executionCount: number): void {
    const data = this.words.bundleOf(value);
    this.streams.flush();
    this.publish('execute_result', { data, metadata: {}, execution_count: executionCount });
  }

  /** Publishes a failure: the cell did not compile, or threw, or something that it left running failed. */
  threw(thrown: unknown): void {
    const failure = this.words.failureOf(thrown);
    this.failure ??= failure;
    this.streams.flush();
    this.publish('error', { ...failure });
  }

  /** Sends text that is printed but not yet sent: after the reply, only what the cell left running may still print. */
  flush(): void {
    this.streams.flush();
  }
}

const QUIET_MILLISECONDS = 30;
const LARGE_TEXT = 32_768;
/** A longer text is sent in pieces: both sender and receiver hold a message in memory several times. */
const PIECE = 262_144;

type StreamName = 'stdout' | 'stderr';

/**
 * Joins the texts that a cell prints into few messages. Text after a pause is sent at once, so that the output of a
 * slow loop appears live; the text that follows is collected for 30 ms, up to 32 kB, or until the cell writes to the
 * other stream.
 */
export class StreamJoiner {
  private name: StreamName = 'stdout';
  private text = '';
  private lastSent = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly send: (name: StreamName, text: string) => void) {}

  write(name: StreamName, text: string): void {
    if (name !== this.name) this.flush();
    this.name = name;
    this.text += text;
    if (performance.now() - this.lastSent > QUIET_MILLISECONDS || this.text.length > LARGE_TEXT) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), QUIET_MILLISECONDS);
  }

  /** Sends the collected text; called before any other message, to keep the order. */
  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.text === '') return;
    const text = this.text;
    this.text = '';
    this.lastSent = performance.now();
    for (let start = 0; start < text.length;) {
      const end = pieceEnd(text, start);
      this.send(this.name, text.slice(start, end));
      start = end;
    }
  }
}

/** Returns where the piece of a text that begins at `start` ends: never between the halves of a surrogate pair. */
function pieceEnd(text: string, start: number): number {
  const end = Math.min(text.length, start + PIECE);
  const code = text.charCodeAt(end - 1);
  return end < text.length && code >= 0xd800 && code <= 0xdbff ? end - 1 : end;
}
