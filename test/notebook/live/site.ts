import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { packageRoot } from 'sparsebook/notebook/jupyter/kernelSpec.js';
import { startServer, type LiveServer, type ServerOptions } from 'sparsebook/notebook/live/server/startServer.js';
import type { Command, Patch } from 'sparsebook/notebook/live/protocol.js';
import { notebookText } from 'sparsebook/notebook/run/notebookFile.js';
import type { Cell, Notebook } from 'sparsebook/notebook/run/notebook.js';
import { codeCell, notebookOf } from '../report/fixture.ts';

export const parametersSource = `const lambda_l0 = 20; // the penalty; try 10, 50
const label = 'a'; // what to call it: 'a' or 'b'`;

const curveSource = `import { liveFigure } from 'sparsebook/notebook/display/figure.js';
const curve = (steps: number) => ({
  data: [{ type: 'scatter' as const, name: label, x: [0, 1, 2], y: [0, steps, lambda_l0] }],
  layout: { title: { text: 'Curve for ' + lambda_l0 }, meta: { alt: 'A curve up to ' + lambda_l0 } },
});
const view = liveFigure(curve(0) as any, { final: false, interval: 0 });
for (let step = 1; step <= 3; step++) {
  process.stdout.write('\\rstep ' + step + ' of 3');
  view.update(curve(step) as any);
  await new Promise((resolve) => setTimeout(resolve, 60));
}`;

/** A notebook with the features of the first one that runs in a moment. */
export const smallNotebook = (): Notebook =>
  notebookOf(
    { cell_type: 'markdown', id: 'title', metadata: {}, source: '# A curve to move\n\nIts end is $\\lambda$.' },
    fresh('parameters', parametersSource, ['parameters']),
    fresh('curve', curveSource),
    fresh('other', "console.log('other', label);"),
    fresh('endless', "console.log('started');\nawait new Promise(() => {});"),
  );

/** A code cell that has not run. */
export function fresh(id: string, source: string, tags?: string[]): Cell {
  return codeCell(source, { id, execution_count: null, metadata: tags ? { tags } : {} });
}

/** The response to a request. */
export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/** The key in a page that was opened with the token. */
export function keyIn(page: string): string {
  return /<meta name="key" content="(\w+)">/.exec(page)?.[1] ?? '';
}

/** A server for its own folder of notebooks, inside the project so that cells can import it. */
export class Site {
  readonly folder: string;
  readonly server: LiveServer;
  cookie = '';
  key = '';
  private closing: Promise<string[]> | undefined;

  private constructor(folder: string, server: LiveServer) {
    this.folder = folder;
    this.server = server;
  }

  static async open(notebooks: Record<string, Notebook>, options: Partial<ServerOptions> = {}): Promise<Site> {
    const folder = mkdtempSync(join(packageRoot, 'dist', 'live-test-'));
    for (const [name, notebook] of Object.entries(notebooks)) {
      writeFileSync(join(folder, name), notebookText(notebook));
    }
    const site = new Site(folder, await startServer({ folder, port: 0, ...options }));
    const path = new URL(site.server.address()).pathname + '?token=' + site.token;
    const { headers, text } = await site.ask('GET', path);
    site.cookie = headers['set-cookie']?.[0].split(';')[0] ?? '';
    site.key = keyIn(text);
    return site;
  }

  get token(): string {
    return new URL(this.server.address()).searchParams.get('token') ?? '';
  }

  get origin(): string {
    return `http://127.0.0.1:${this.server.port}`;
  }

  /**
   * Sends a request with this browser's cookie and this page's key, unless `headers` override them; the path is sent
   * exactly as given.
   */
  ask(method: string, path: string, headers: Record<string, string | undefined> = {}, body?: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      void this.begin(method, path, headers, body).then(async (response) => {
        let text = '';
        for await (const chunk of response.setEncoding('utf8')) text += chunk as string;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      }, reject);
    });
  }

  begin(
    method: string,
    path: string,
    headers: Record<string, string | undefined> = {},
    body?: string,
  ): Promise<IncomingMessage> {
    const all = { host: new URL(this.origin).host, cookie: this.cookie || undefined, 'x-key': this.key, ...headers };
    const given = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined);
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port: this.server.port, method, path, agent: false as const };
      const sent = request({ ...options, headers: Object.fromEntries(given), setHost: false }, resolve);
      sent.on('error', reject);
      sent.end(body);
    });
  }

  /** Sends a command as a page does. */
  command(notebook: string, command: unknown, by = 'test'): Promise<Answer> {
    const headers = { 'content-type': 'application/json', origin: this.origin, 'x-page': by };
    return this.ask('POST', `/api/commands/${notebook}`, headers, JSON.stringify(command));
  }

  saved(notebook: string): Notebook {
    return JSON.parse(readFileSync(join(this.folder, notebook), 'utf8')) as Notebook;
  }

  /** Ends the server and deletes its folder, once; resolves with the messages for the user. */
  close(): Promise<string[]> {
    const end = async (): Promise<string[]> => {
      const said = await this.server.close();
      rmSync(this.folder, { recursive: true });
      return said;
    };
    return (this.closing ??= end());
  }
}

/** The state that a page would show, from the patches that it was sent. */
export class Page {
  readonly state: Patch = { epoch: '', version: 0, whole: false, cells: {} };
  readonly patches: Patch[] = [];
  private seen: string | undefined;
  private response: IncomingMessage | undefined;
  private waiting: (() => void)[] = [];
  private readonly site: Site;
  private readonly notebook: string;
  private readonly name: string;

  constructor(site: Site, notebook: string, name = 'test') {
    this.site = site;
    this.notebook = notebook;
    this.name = name;
  }

  /** Connects, continuing after the last event seen. */
  async connect(): Promise<this> {
    const response = await this.site.begin('GET', `/api/events/${this.notebook}`, { 'last-event-id': this.seen });
    assert.equal(response.statusCode, 200);
    this.response = response;
    let text = '';
    let before = '';
    response.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      // Long events arrive in thousands of pieces.
      const ends = `${before}${chunk}`.includes('\n\n');
      before = chunk.slice(-1);
      if (!ends) return;
      const events = text.split('\n\n');
      text = events.pop() ?? '';
      for (const event of events) {
        const [, id, data] = /^(?:id: (.*)\n)?data: (.*)$/.exec(event) ?? [];
        this.seen = id ?? this.seen;
        if (data !== undefined) this.take(JSON.parse(data) as Patch);
      }
    });
    return this;
  }

  disconnect(): void {
    this.response?.destroy();
  }

  async do(command: Command): Promise<unknown> {
    const { status, text } = await this.site.command(this.notebook, command, this.name);
    assert.equal(status, 200, text);
    return JSON.parse(text);
  }

  /** Resolves once the page meets a condition; rejects after a while with its state. */
  async until(what: string, is: (page: Page) => boolean): Promise<void> {
    const end = performance.now() + 60_000;
    while (!is(this)) {
      assert.ok(performance.now() < end, `in vain: ${what}\n${JSON.stringify(this.state).slice(0, 3000)}`);
      await new Promise<void>((resolve) => {
        this.waiting.push(resolve);
        setTimeout(resolve, 500).unref();
      });
    }
  }

  /** The outputs of a cell as HTML. */
  shown(id: string): string {
    const { length = 0, changed = {} } = this.state.cells[id].outputs ?? {};
    return Array.from({ length }, (_, index) => changed[index]).join('\n');
  }

  runs(id: string): string {
    return this.state.cells[id].run?.state ?? '';
  }

  /** Whether a cell has run to its end. */
  ran(id: string): boolean {
    return this.runs(id) === 'idle' && this.state.cells[id].run?.seconds !== undefined;
  }

  private take(patch: Patch): void {
    const { state } = this;
    this.patches.push(patch);
    if (patch.whole) state.cells = {};
    for (const [id, cell] of Object.entries(patch.cells)) {
      const outputs = cell.outputs && {
        length: cell.outputs.length,
        changed: { ...state.cells[id]?.outputs?.changed, ...cell.outputs.changed },
      };
      state.cells[id] = { ...state.cells[id], ...cell, ...(outputs && { outputs }) };
    }
    Object.assign(state, { ...patch, cells: state.cells });
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}
