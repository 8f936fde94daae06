/** Runs tasks one after another. */
export class ExecutionQueue {
  private last: Promise<unknown> = Promise.resolve();
  private added = 0;
  private dropped = 0;

  /** Runs a task when those before it are done; resolves to undefined if it was dropped instead. */
  add<Result>(task: () => Promise<Result>): Promise<Result | undefined> {
    const number = ++this.added;
    const turn = this.last.then(() => (number > this.dropped ? task() : undefined));
    this.last = turn.catch(() => undefined);
    return turn;
  }

  /** Drops the tasks that wait now, not those that come later. */
  drop(): void {
    this.dropped = this.added;
  }
}
