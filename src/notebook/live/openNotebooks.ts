import { tmpdir } from 'node:os';
import { reasonOf, UserError } from '../../errors.js';
import { DocumentFile } from './document/documentFile.js';
import { fenced } from './fence.js';
import type { SpareKernel } from './kernel/liveKernel.js';
import type { LiveSession } from './liveSession.js';
import type { NotebookFolder } from './notebookFolder.js';
import type { ListedNotebook } from './protocol.js';

const AUTOSAVE_MILLISECONDS = 30_000;
const LOOK_MILLISECONDS = 2000;

/** The notebooks that are open, each once, however many pages show it. */
export class OpenNotebooks {
  private readonly opening = new Map<string, Promise<LiveSession>>();
  /** Those that have been opened: nobody who looks after them waits for one that is still being read. */
  private readonly sessions = new Map<string, LiveSession>();
  private readonly timers: NodeJS.Timeout[];

  /** A spare kernel, if there is one, is for the first notebook that it suits. */
  constructor(
    private readonly folder: NotebookFolder,
    private readonly spare?: SpareKernel,
  ) {
    this.timers = [
      this.every(AUTOSAVE_MILLISECONDS, 'autosave', save),
      this.every(LOOK_MILLISECONDS, 'a look at the file', (session) => session.lookAtFile()),
    ];
  }

  /** The session of a notebook, opened if it is not; rejects with a UserError where the path leads nowhere or too far. */
  async at(path: string): Promise<LiveSession> {
    const file = await this.folder.locate(path);
    const known = this.opening.get(file);
    if (known) return known;
    const opening = this.begin(file);
    this.opening.set(file, opening);
    opening.then(
      (session) => this.sessions.set(path, session),
      () => this.opening.delete(file),
    );
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
    return (await this.folder.list()).map((listed) => {
      const session = this.sessions.get(listed.path);
      if (!session) return listed;
      return { ...listed, kernel: session.kernel.status.get().state, dirty: session.status.get().dirty };
    });
  }

  /** Saves every notebook that is not saved; one that cannot be saved says so on its page and stops no other. */
  async saveAll(): Promise<void> {
    await Promise.allSettled([...this.sessions.values()].map(save));
  }

  /**
   * Saves what is not saved and ends all kernels. A notebook that cannot be saved in its place is saved under another
   * name. Returns a line for each thing that a person should know.
   */
  async close(): Promise<string[]> {
    for (const timer of this.timers) clearInterval(timer);
    const unsaved = [...this.sessions.values()].filter((session) => session.status.get().dirty);
    // Before anything that may take long: whoever ends this process may not wait for it.
    await this.saveAll();
    await Promise.allSettled([this.spare?.end(), ...this.opening.values()]);
    const said = await Promise.all(
      [...this.sessions.values()].map((session) => closeOne(session, unsaved.includes(session))),
    );
    return said.flat();
  }

  private async begin(file: string): Promise<LiveSession> {
    // Loaded late: the first page needs none of it.
    const { LiveSession } = await import('./liveSession.js');
    const document = new DocumentFile(file, (path) => this.folder.check(path));
    return LiveSession.open(document, this.folder.pathOf(file), this.spare);
  }

  /** Does something for every open notebook, again and again; for one that is not done yet, not a second time. */
  private every(milliseconds: number, what: string, act: (session: LiveSession) => Promise<unknown>): NodeJS.Timeout {
    const busy = new Set<LiveSession>();
    const round = (): void => {
      for (const [path, session] of this.sessions) {
        if (busy.has(session)) continue;
        busy.add(session);
        fenced(`${path}, ${what}`, () => act(session).finally(() => busy.delete(session)));
      }
    };
    return setInterval(round, milliseconds).unref();
  }
}

async function save(session: LiveSession): Promise<void> {
  const { dirty, conflict } = session.status.get();
  if (dirty && !conflict) await session.save();
}

async function closeOne(session: LiveSession, wasDirty: boolean): Promise<string[]> {
  await session.stop();
  const { path, dirty } = session.status.get();
  if (!dirty) return wasDirty ? [`saved ${path}`] : [];
  if (await session.save()) return [`saved ${path}`];
  const { conflict, note } = session.status.get();
  const why = conflict ? `${path} was changed by another program` : (note ?? `${path} could not be saved`);
  for (const folder of [undefined, tmpdir()]) {
    try {
      return [`${why}; what was here is saved as ${await session.copy(folder)}`];
    } catch (error) {
      if (folder) return [`${why}; it could not be saved elsewhere either: ${reasonOf(error)}`];
    }
  }
  return [];
}
