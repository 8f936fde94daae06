import type { Command, Patch } from '../protocol.js';

const NAME = 'key';

/**
 * The key that lets this page read and do things. The page that came with the token contains it; the browser stores it
 * for further pages of this server only, unlike a cookie, which it sends to all servers on this machine.
 */
export const key: string = (() => {
  const given = document.querySelector<HTMLMetaElement>('meta[name="key"]');
  given?.remove();
  try {
    if (given) localStorage.setItem(NAME, given.content);
    return given?.content ?? localStorage.getItem(NAME) ?? '';
  } catch {
    // The browser stores nothing: this page works until the user leaves it.
    return given?.content ?? '';
  }
})();

/** Explains a missing answer, or a refusal, to the user. */
export async function whyNot(response: Response | undefined): Promise<string> {
  if (!response) return 'The server does not answer: it was stopped. What was saved is safe.';
  if (response.status === 401) return 'The server was started anew: open the address that it printed in the terminal.';
  return reasonIn(response);
}

/** The reason that a refusal gives. */
export async function reasonIn(response: Response): Promise<string> {
  return ((await response.json().catch(() => ({}))) as { error?: string }).error ?? response.statusText;
}

/** The connection's state: `refused`, the server does not know this page; `failed`, it cannot open the notebook. */
export type Link = 'connected' | 'lost' | 'refused' | 'failed';

/** A command that did not reach the server, or that the server refused. */
export class CommandError extends Error {
  constructor(
    message: string,
    /** Whether it may be sent again: the server did not answer, or did not let this page in. */
    readonly lost: boolean,
  ) {
    super(message);
  }
}

const SILENCE_MILLISECONDS = 25_000;
const RETRY_MILLISECONDS = 1000;
/** The pause after a refusal. */
const REFUSED_MILLISECONDS = 5000;

/** This page's name among the notebook's pages: an edit comes back with the name of the page that made it. */
export const pageName: string = crypto.randomUUID();

/** Sends a command to the notebook at a path. */
export function post(path: string, command: Command): Promise<Response> {
  const headers = { 'Content-Type': 'application/json', 'X-Page': pageName, 'X-Key': key };
  return fetch(`/api/commands/${path}`, { method: 'POST', headers, body: JSON.stringify(command) });
}

/**
 * The connection to the server: patches come in as server-sent events, commands go out one after another. It reconnects
 * after a loss. A hidden page disconnects, since browsers allow few connections to one server.
 */
export class Connection {
  private source: EventSource | undefined;
  private seen = '';
  private heard = 0;
  private leaving = false;
  private link: Link | undefined;
  private queue: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly path: string,
    private readonly on: { patch(patch: Patch): void; link(link: Link, why: string): void },
  ) {
    document.addEventListener('visibilitychange', () => this.attend());
    addEventListener('pageshow', () => this.attend());
    addEventListener('pagehide', () => this.hangUp());
    setInterval(() => {
      if (this.source && Date.now() - this.heard > SILENCE_MILLISECONDS) this.broken();
    }, RETRY_MILLISECONDS);
    this.attend();
  }

  /** Sends a command after those before it; resolves with the server's answer, rejects with a CommandError. */
  send<T = unknown>(command: Command): Promise<T> {
    const result = this.queue.then(() => this.order<T>(command));
    this.queue = result.catch(() => undefined);
    return result;
  }

  /** Asks the kernel something, past the queue: it changes nothing, and typing should not wait for it. */
  ask<T>(command: Command): Promise<T | null> {
    return this.order<T>(command).catch(() => null);
  }

  private async order<T>(command: Command): Promise<T> {
    const response = await post(this.path, command).catch(() => {
      throw new CommandError('The server does not answer.', true);
    });
    const answer: unknown = await response.json().catch(() => ({}));
    if (response.ok) return answer as T;
    const why = String((answer as { error?: string }).error ?? response.statusText);
    if (refuses(response)) this.tell('refused', why);
    throw new CommandError(why, refuses(response));
  }

  /** Disconnects while `act` moves the notebook away, and connects again if that fails; otherwise the page is left. */
  async hungUp(act: () => Promise<void>): Promise<void> {
    this.leaving = true;
    this.hangUp();
    try {
      await act();
    } catch (error) {
      this.leaving = false;
      this.attend();
      throw error;
    }
  }

  private attend(): void {
    if (document.hidden || this.leaving) this.hangUp();
    else if (!this.source) this.dial();
  }

  private hangUp(): void {
    this.source?.close();
    this.source = undefined;
  }

  private dial(): void {
    this.heard = Date.now();
    const source = new EventSource(`/api/events/${this.path}?key=${key}&seen=${encodeURIComponent(this.seen)}`);
    this.source = source;
    source.onmessage = ({ data, lastEventId }: MessageEvent<string>) => {
      this.heard = Date.now();
      this.seen = lastEventId;
      this.on.patch(JSON.parse(data) as Patch);
    };
    source.addEventListener('alive', () => (this.heard = Date.now()));
    source.onopen = () => {
      this.heard = Date.now();
      this.tell('connected', '');
    };
    source.onerror = () => this.broken();
  }

  /** Schedules a new try, and distinguishes a server that is gone from one that refuses. */
  private broken(): void {
    this.hangUp();
    const again = (milliseconds: number): unknown => setTimeout(() => this.attend(), milliseconds);
    const given = new AbortController();
    fetch(`/api/events/${this.path}`, { headers: { 'X-Key': key }, signal: given.signal }).then(
      async (response) => {
        again(response.ok ? RETRY_MILLISECONDS : REFUSED_MILLISECONDS);
        if (!response.ok) {
          const { error } = (await response.json().catch(() => ({}))) as { error?: string };
          this.tell(refuses(response) ? 'refused' : 'failed', error ?? response.statusText);
        }
        given.abort();
      },
      () => {
        again(RETRY_MILLISECONDS);
        this.tell('lost', '');
      },
    );
  }

  private tell(link: Link, why: string): void {
    if (link === this.link && why === '') return;
    this.link = link;
    this.on.link(link, why);
  }
}

const refuses = ({ status }: Response): boolean => status === 401 || status === 403;

const PAUSE_MILLISECONDS = 250;

/**
 * Edits that have not been sent yet: they are sent at a pause, before any command, and again when a lost connection is
 * back.
 */
export class Edits {
  private readonly pending = new Map<string, string>();
  private timer = 0;

  constructor(private readonly connection: Connection) {
    addEventListener('beforeunload', (event) => {
      if (this.pending.size > 0) event.preventDefault();
    });
  }

  note(id: string, source: string): void {
    this.pending.set(id, source);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.flush(), PAUSE_MILLISECONDS);
  }

  /** Whether the page knows a newer source of a cell than the server. */
  has(id: string): boolean {
    return this.pending.has(id);
  }

  /** Drops the pending edit of a cell that is removed. */
  forget(id: string): void {
    this.pending.delete(id);
  }

  /** Sends all pending edits; those that do not get through stay pending. */
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
