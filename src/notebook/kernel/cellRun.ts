import { failureOf, type CellFailure } from './cellFailure.js';
import { StreamJoiner, type StreamName } from './streamJoiner.js';
import { valueBundle } from './valueBundle.js';
import type { MessageContent } from './wire.js';

/** One execution of one cell, as the frontend is told of it. */
export class CellRun {
  /** The first thing that went wrong. */
  failure: CellFailure | undefined;
  /** Has the cell end, by failing for this reason, before it is done. */
  stop!: (reason: unknown) => void;
  /** Rejects when the cell is stopped. */
  readonly stopped = new Promise<never>((_, reject) => (this.stop = reject));
  private readonly streams = new StreamJoiner((name, text) => this.publish('stream', { name, text }));

  constructor(
    readonly code: string,
    private readonly publish: (type: string, content: MessageContent) => void,
  ) {
    this.stopped.catch(() => undefined); // nobody may wait for it
  }

  /** The cell has its turn. */
  start(executionCount: number): void {
    this.publish('execute_input', { code: this.code, execution_count: executionCount });
  }

  /** The cell, or something it left running, printed. */
  write(name: StreamName, text: string): void {
    this.streams.write(name, text);
  }

  /** The cell shows a MIME bundle, or replaces one it showed before. */
  display(content: MessageContent, update: boolean): void {
    this.streams.flush();
    this.publish(update ? 'update_display_data' : 'display_data', content);
  }

  /** The value of the cell's last expression. */
  result(value: unknown, executionCount: number): void {
    const data = valueBundle(value);
    this.streams.flush();
    this.publish('execute_result', { data, metadata: {}, execution_count: executionCount });
  }

  /** The cell did not compile, or threw, or something it left running was rejected. */
  threw(thrown: unknown): void {
    const failure = failureOf(thrown);
    this.failure ??= failure;
    this.streams.flush();
    this.publish('error', { ...failure });
  }

  /** Sends what was printed and not sent yet: nothing of the cell may come after the reply but what it left running. */
  flush(): void {
    this.streams.flush();
  }
}
