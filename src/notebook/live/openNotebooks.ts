import { tmpdir } from 'node:os';
import { reasonOf, UserError } from '../../errors.js';
import { DocumentFile } from './document/documentFile.js';
import { reportingErrors } from './reportErrors.js';
import type { SpareKernel } from './kernel/liveKernel.js';
import type { LiveSession } from './liveSession.js';
import type { NotebookFolder } from './notebookFolder.js';
import type { FolderCommand, ListedNotebook } from './protocol.js';

/** How often it is looked whether a draft is due, which costs nothing until one is. */
const DRAFT_MILLISECONDS = 500;
const LOOK_MILLISECONDS = 2000;

/** The notebooks that are open, each once, however many pages show it. */
export class OpenNotebooks {
  private readonly opening = new Map<string, Promise<LiveSession>>();
  /** The notebooks that are open: one that is still being read is not among them. */
  private readonly sessions = new Map<string, LiveSession>();
  private readonly timers: NodeJS.Timeout[];

  /** A spare kernel, if there is one, is for the first notebook that it suits. */
  constructor(
    private readonly folder: NotebookFolder,
    private readonly spare?: SpareKernel,
  ) {
    this.timers = [
      this.every(DRAFT_MILLISECONDS, 'the draft', (session) => session.keepWhenDue()),
      this.every(LOOK_MILLISECONDS, 'a look at the file', (session) => session.lookAtFile()),
    ];
  }

  /**
   * The session of a notebook, opened if it is not; rejects with a UserError where the path leads nowhere or too far.
   */
  async at(path: string): Promise<LiveSession> {
    const file = await this.locate(path);
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
      await this.locate(path);
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

  /** Runs a command of the list; resolves with the path at which the notebook is then. */
  async change(command: FolderCommand): Promise<string> {
    if (command.do === 'new') return this.folder.create();
    if (command.do === 'duplicate') return this.folder.pathOf(await (await this.at(command.path)).copy());
    await this.folder.place(command.to);
    await this.letGo(await this.folder.locate(command.path), command.path);
    return this.folder.rename(command.path, command.to);
  }

  /** Restarts every kernel once its cells are done, so that it loads the library anew; outputs stay. */
  async restartKernels(): Promise<void> {
    await this.spare?.end();
    await Promise.allSettled([...this.sessions.values()].map((session) => session.restartWhenQuiet()));
  }

  /**
   * Keeps what is not saved of every notebook in its draft; one that cannot be kept says so on its page and stops no
   * other.
   */
  async keepAll(): Promise<void> {
    await Promise.allSettled([...this.sessions.values()].map((session) => session.keep()));
  }

  /**
   * Keeps what is not saved in drafts and ends all kernels. A notebook that cannot be kept beside its file is saved
   * under another name. Returns a line for each thing that a person should know.
   */
  async close(): Promise<string[]> {
    for (const timer of this.timers) clearInterval(timer);
    // Before anything that may take long: the process may be killed soon.
    await this.keepAll();
    await Promise.allSettled([this.spare?.end(), ...this.opening.values()]);
    return (await Promise.all([...this.sessions.values()].map(closeOne))).flat();
  }

  /**
   * Closes a notebook that is open, with what is not saved in its draft; throws a UserError where that would cost a
   * kernel.
   */
  private async letGo(file: string, path: string): Promise<void> {
    const session = await this.opening.get(file)?.catch(() => undefined);
    if (!session) return;
    if (!['off', 'dead'].includes(session.kernel.status.get().state)) {
      throw new UserError(`the kernel of ${path} runs, and would lose its variables: stop it first`);
    }
    if (!(await session.keep())) throw new UserError(session.status.get().note ?? `${path} cannot be kept`);
    this.opening.delete(file);
    this.sessions.delete(path);
    session.end();
  }

  /** The file of a path; that of a notebook which is open may be gone, but not lead out of the folder. */
  private async locate(path: string): Promise<string> {
    const file = this.folder.fileOf(path);
    if (!this.opening.has(file)) return this.folder.locate(path);
    await this.folder.check(file);
    return file;
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
        reportingErrors(`${path}, ${what}`, () =>
          act(session)
            .catch((error: unknown) => session.fail(error))
            .finally(() => busy.delete(session)),
        );
      }
    };
    return setInterval(round, milliseconds).unref();
  }
}

async function closeOne(session: LiveSession): Promise<string[]> {
  await session.stop();
  await session.lookAtFile();
  const { path, dirty, conflict } = session.status.get();
  if (!dirty) return [];
  // A draft of a deleted file would not be found.
  if (conflict !== 'gone' && (await session.keep())) {
    return [`${path} has changes that are not saved; they are kept in a draft, which opens with it`];
  }
  const why = conflict === 'gone' ? `${path} is gone` : (session.status.get().note ?? `${path} could not be kept`);
  for (const folder of [undefined, tmpdir()]) {
    try {
      return [`${why}; what was here is saved as ${await session.copy(folder)}`];
    } catch (error) {
      if (folder) return [`${why}; it could not be saved elsewhere either: ${reasonOf(error)}`];
    }
  }
  return [];
}
