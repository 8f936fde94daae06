import { tmpdir } from 'node:os';
import { reasonOf, UserError } from '../../errors.js';
import { DocumentFile } from './document/documentFile.js';
import { reportingErrors } from './reportErrors.js';
import type { SpareKernel } from './kernel/liveKernel.js';
import type { LiveSession } from './liveSession.js';
import type { NotebookFolder } from './notebookFolder.js';
import type { FolderCommand, ListedNotebook } from './protocol.js';

/** How often drafts are checked for being due, which costs nothing until one is. */
const DRAFT_MILLISECONDS = 500;
const LOOK_MILLISECONDS = 2000;

/** The open notebooks, each opened once, however many pages show it. */
export class OpenNotebooks {
  private readonly opening = new Map<string, Promise<LiveSession>>();
  /** The open notebooks, without those that are still being read. */
  private readonly sessions = new Map<string, LiveSession>();
  private readonly timers: NodeJS.Timeout[];

  /** The spare kernel, if there is one, goes to the first notebook that it suits. */
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
   * The session of a notebook, which is opened if necessary; rejects with a UserError if the path leads nowhere or out
   * of the folder.
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

  /** Why a path cannot be opened; if it can, begins to open it and resolves with undefined. */
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

  /** The folder's notebooks, with the state of those that are open. */
  async list(): Promise<ListedNotebook[]> {
    return (await this.folder.list()).map((listed) => {
      const session = this.sessions.get(listed.path);
      if (!session) return listed;
      return { ...listed, kernel: session.kernel.status.get().state, dirty: session.status.get().dirty };
    });
  }

  /** Runs a command to the folder; resolves with the notebook's path afterwards. */
  async change(command: FolderCommand): Promise<string> {
    if (command.do === 'new') return this.folder.create();
    if (command.do === 'duplicate') return this.folder.pathOf(await (await this.at(command.path)).copy());
    await this.folder.place(command.to);
    await this.letGo(await this.folder.locate(command.path), command.path);
    return this.folder.rename(command.path, command.to);
  }

  /** Restarts every kernel once its cells are done, so that it loads the library again; outputs stay. */
  async restartKernels(): Promise<void> {
    await this.spare?.end();
    await Promise.allSettled([...this.sessions.values()].map((session) => session.restartWhenQuiet()));
  }

  /**
   * Keeps every notebook's unsaved changes in its draft; a notebook that cannot be kept says so on its page and does
   * not stop the others.
   */
  async keepAll(): Promise<void> {
    await Promise.allSettled([...this.sessions.values()].map((session) => session.keep()));
  }

  /**
   * Keeps unsaved changes in drafts and ends all kernels. A notebook that cannot be kept beside its file is saved under
   * another name. Resolves with messages for the user, one per line.
   */
  async close(): Promise<string[]> {
    for (const timer of this.timers) clearInterval(timer);
    // Before anything that may take long: the process may be killed soon.
    await this.keepAll();
    await Promise.allSettled([this.spare?.end(), ...this.opening.values()]);
    return (await Promise.all([...this.sessions.values()].map(closeOne))).flat();
  }

  /**
   * Closes a notebook if it is open, keeping unsaved changes in its draft; throws a UserError if they cannot be kept or
   * a kernel would be lost.
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

  /** The file of a path; the file of an open notebook may be gone, but must not lead out of the folder. */
  private async locate(path: string): Promise<string> {
    const file = this.folder.fileOf(path);
    if (!this.opening.has(file)) return this.folder.locate(path);
    await this.folder.check(file);
    return file;
  }

  private async begin(file: string): Promise<LiveSession> {
    // Loaded late, because the first page does not need it.
    const { LiveSession } = await import('./liveSession.js');
    const document = new DocumentFile(file, (path) => this.folder.check(path));
    return LiveSession.open(document, this.folder.pathOf(file), this.spare);
  }

  /** Repeats an action for every open notebook, except while the last one for that notebook has not ended. */
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
