import { CommandError, type Connection } from './connection.js';

const PAUSE_MILLISECONDS = 250;

/** What has been typed and not been sent: sent at a pause, before any command, and again when a lost line is back. */
export class Edits {
  private readonly pending = new Map<string, string>();
  private timer = 0;

  constructor(private readonly connection: Connection) {
    addEventListener('beforeunload', (event) => {
      if (this.pending.size > 0) event.preventDefault();
    });
  }

  /** The source of a cell has changed. */
  note(id: string, source: string): void {
    this.pending.set(id, source);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.flush(), PAUSE_MILLISECONDS);
  }

  /** Whether the page knows a newer source of a cell than the server. */
  has(id: string): boolean {
    return this.pending.has(id);
  }

  /** A cell is gone: nothing of it is to be sent. */
  forget(id: string): void {
    this.pending.delete(id);
  }

  /** Sends all that waits; what does not get there goes on waiting. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    const sent = [...this.pending].map(async ([id, source]) => {
      try {
        await this.connection.send({ do: 'edit', id, source });
      } catch (error) {
        if (error instanceof CommandError && error.lost) return;
      }
      if (this.pending.get(id) === source) this.pending.delete(id);
    });
    await Promise.all(sent);
  }
}
