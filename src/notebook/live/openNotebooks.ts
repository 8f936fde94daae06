import { UserError } from '../../errors.js';
import { DocumentFile } from './document/documentFile.js';
import type { SpareKernel } from './kernel/spareKernel.js';
import type { LiveSession } from './liveSession.js';
import type { NotebookFolder } from './notebookFolder.js';
import type { ListedNotebook } from './protocol.js';

const AUTOSAVE_MILLISECONDS = 30_000;
const LOOK_MILLISECONDS = 2000;

/** The notebooks that are open, each once, however many pages show it. */
export class OpenNotebooks {
  private readonly open = new Map<string, Promise<LiveSession>>();
  private readonly timers: NodeJS.Timeout[];

  /** A spare kernel, if there is one, is for the first notebook that it suits. */
  constructor(
    private readonly folder: NotebookFolder,
    private readonly spare?: SpareKernel,
  ) {
    this.timers = [
      setInterval(() => void this.each(autosave), AUTOSAVE_MILLISECONDS),
      setInterval(() => void this.each((session) => session.lookAtFile()), LOOK_MILLISECONDS),
    ];
    for (const timer of this.timers) timer.unref();
  }

  /** The session of a notebook, opened if it is not; rejects with a UserError where the path leads nowhere or too far. */
  async at(path: string): Promise<LiveSession> {
    const file = await this.folder.locate(path);
    const known = this.open.get(file);
    if (known) return known;
    const opening = this.begin(file);
    this.open.set(file, opening);
    opening.catch(() => this.open.delete(file));
    return opening;
  }

  /** Why a path cannot be opened; undefined when it can, and then it is being opened. */
  async whyNot(path: string): Promise<string | undefined> {
    try {
      await this.folder.locate(path);
    } catch (error) {
      if (error instanceof UserError) return error.message;
      throw error;
    }
    this.at(path).catch(() => undefined);
    return undefined;
  }

  /** The folder's notebooks, with what is known of those that are open. */
  async list(): Promise<ListedNotebook[]> {
    const sessions = new Map((await this.sessions()).map((session) => [session.status.get().path, session]));
    return (await this.folder.list()).map((listed) => {
      const session = sessions.get(listed.path);
      if (!session) return listed;
      return { ...listed, kernel: session.kernel.status.get().state, dirty: session.status.get().dirty };
    });
  }

  /**
   * Saves what is not saved and ends all kernels. A notebook whose file somebody else has changed is saved beside it. Returns a
   * line for each thing that a person should know.
   */
  async close(): Promise<string[]> {
    for (const timer of this.timers) clearInterval(timer);
    await this.spare?.end();
    const said = await Promise.all((await this.sessions()).map(closeOne));
    return said.flat();
  }

  private async begin(file: string): Promise<LiveSession> {
    // Loaded late: the first page needs none of it.
    const { LiveSession } = await import('./liveSession.js');
    const document = new DocumentFile(file, () => this.folder.check(file));
    return LiveSession.open(document, this.folder.pathOf(file), this.spare);
  }

  private async sessions(): Promise<LiveSession[]> {
    const opened = await Promise.allSettled(this.open.values());
    return opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  }

  private async each(act: (session: LiveSession) => Promise<unknown>): Promise<void> {
    for (const session of await this.sessions()) await act(session);
  }
}

async function autosave(session: LiveSession): Promise<void> {
  const { dirty, conflict } = session.status.get();
  if (dirty && !conflict) await session.save();
}

async function closeOne(session: LiveSession): Promise<string[]> {
  await session.stop();
  const { dirty, path } = session.status.get();
  if (!dirty) return [];
  try {
    if (await session.save()) return [`saved ${path}`];
    const { note } = session.status.get();
    return [
      `${path} was changed by another program; what was here is saved as ${await session.copy()}${note ? ` (${note})` : ''}`,
    ];
  } catch (error) {
    const why = error instanceof UserError ? error.message : String(error);
    return [`${path} could not be saved: ${why}`];
  }
}
