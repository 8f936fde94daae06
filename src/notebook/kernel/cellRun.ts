import { failureOfDiagnostics, failureOfThrown, type CellFailure, type Diagnostic } from './cellFailure.js';
import { StreamJoiner } from './streamJoiner.js';
import type { MessageContent } from './wire.js';

/** One execution of one cell, as the frontend is told of it. */
export class CellRun {
  /** The first thing that went wrong. */
  failure: CellFailure | undefined;
  private readonly diagnostics: Diagnostic[] = [];
  private readonly streams = new StreamJoiner((name, text) => this.publish('stream', { name, text }));

  constructor(
    readonly code: string,
    /** Whether cells that wait behind this one are dropped when it fails. */
    readonly stopOnError: boolean,
    private readonly publish: (type: string, content: MessageContent) => void,
  ) {}

  /** The cell has its turn. */
  start(executionCount: number): void {
    this.publish('execute_input', { code: this.code, execution_count: executionCount });
  }

  /** The cell, or something it left running, printed. */
  write(name: 'stdout' | 'stderr', text: string): void {
    this.streams.write(name, text);
  }

  /** The cell shows a MIME bundle, or replaces one it showed before. */
  display(content: MessageContent, update: boolean): void {
    this.streams.flush();
    this.publish(update ? 'update_display_data' : 'display_data', content);
  }

  /** The cell threw, or something it left running was rejected. */
  threw(thrown: unknown): void {
    this.fail(failureOfThrown(thrown));
  }

  /** The compiler complains; all complaints become one error at the end. */
  complained(diagnostic: Diagnostic): void {
    this.diagnostics.push(diagnostic);
  }

  /** The cell is done: nothing of it may come after the reply but what it left running. */
  end(): void {
    if (this.diagnostics.length > 0) this.fail(failureOfDiagnostics(this.code, this.diagnostics.splice(0)));
    this.flush();
  }

  /** Sends what was printed and not sent yet. */
  flush(): void {
    this.streams.flush();
  }

  private fail(failure: CellFailure): void {
    this.failure ??= failure;
    this.flush();
    this.publish('error', { ...failure });
  }
}
