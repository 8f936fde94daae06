import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../../errors.js';
import { commandOf, type KernelSpec } from '../jupyter/kernelSpec.js';
import type { Channels } from './channels.js';
import { createConnectionFile, type ConnectionFile } from './connection.js';
import { firstContact } from './firstContact.js';
import { KernelProcess, type KernelExit } from './kernelProcess.js';
import type { Message, MessageContent } from './wire.js';

/** What the kernel answers to execute_request, or how it died over it. */
export type ExecuteOutcome =
  | { status: 'ok' | 'error' | 'aborted'; execution_count?: number; ename?: string; evalue?: string }
  | { status: 'dead'; exit: KernelExit };

export interface KernelOptions {
  spec: KernelSpec;
  /** The folder in which cells run; Jupyter uses the notebook's. */
  cwd: string;
  /** Seconds to wait for the kernel to answer; 60 by default. */
  startTimeout?: number;
  /** Gives up waiting for the kernel. */
  signal?: AbortSignal;
  /** The kernel's process runs, and will answer in a second or two. */
  onSpawn?: () => void;
}

/** Stock tslab can lose the 'idle' that ends a request; after this long without a message it is not coming. */
const SILENCE_MILLISECONDS = 3000;
const GOODBYE_MILLISECONDS = 1500;

/** A running kernel: starts it, has it execute code, interrupts it, ends it. No Python. */
export class KernelClient {
  /** Resolves when the process is gone. */
  readonly exit: Promise<KernelExit>;
  private ending: Promise<KernelExit> | undefined;

  /** Starts a kernel and waits until it answers; throws UserError when it does not come up. */
  static async start(options: KernelOptions): Promise<KernelClient> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await KernelClient.startOnce(options);
      } catch (error) {
        // Between choosing a port and the kernel's taking it, somebody else may.
        if (attempt === 3 || !(error instanceof Error && /EADDRINUSE|Address already in use/i.test(error.message))) {
          throw error;
        }
      }
    }
  }

  private static async startOnce({
    spec,
    cwd,
    startTimeout = 60,
    signal,
    onSpawn,
  }: KernelOptions): Promise<KernelClient> {
    const file = await createConnectionFile();
    const command = commandOf(spec, file.path);
    let process: KernelProcess | undefined;
    try {
      process = await KernelProcess.start(command, cwd, spec.env ?? {}).catch((error: Error) => {
        throw new UserError(`kernel '${spec.name}' cannot start: ${error.message} (from ${spec.file})`);
      });
      onSpawn?.();
      const contact = await firstContact(file.connection, process.exit, startTimeout, signal);
      if (contact === 'late') {
        throw new UserError(`kernel '${spec.name}' did not answer within ${startTimeout} s (from ${spec.file})`);
      }
      if ('ended' in contact) {
        const { code, signal: by, lastWords } = contact.ended;
        const how = by ? `was ended by ${by}` : `ended with exit code ${code}`;
        throw new UserError(`kernel '${spec.name}' ${how} while starting (from ${spec.file})\n${lastWords.trim()}`);
      }
      return new KernelClient(spec, process, contact.channels, file, contact.info);
    } catch (error) {
      process?.kill();
      await process?.exit;
      await file.remove();
      throw error;
    }
  }

  private constructor(
    readonly spec: KernelSpec,
    private readonly process: KernelProcess,
    private readonly channels: Channels,
    private readonly file: ConnectionFile,
    /** What the kernel says of itself (kernel_info_reply). */
    readonly info: MessageContent,
  ) {
    this.exit = process.exit;
  }

  /** The id of the kernel's process. */
  get pid(): number {
    return this.process.pid;
  }

  /**
   * Runs code and resolves when the kernel has answered and sent all of its output, or is dead; never rejects.
   * `onMessage` hears the messages of the iopub channel, in order.
   */
  async execute(code: string, onMessage?: (message: Message) => void): Promise<ExecuteOutcome> {
    if (this.ending) return { status: 'dead', exit: await this.ending };
    let lastHeard = performance.now();
    const request = { code, silent: false, store_history: true, allow_stdin: false, stop_on_error: false };
    const exchange = this.channels.request(
      'shell',
      'execute_request',
      { ...request, user_expressions: {} },
      (message) => {
        lastHeard = performance.now();
        onMessage?.(message);
      },
    );
    const quiet = async (): Promise<void> => {
      lastHeard = performance.now();
      let left: number;
      while ((left = lastHeard + SILENCE_MILLISECONDS - performance.now()) > 0)
        await sleep(left, undefined, { ref: false });
    };
    const answered = exchange.reply.then(async (reply) => {
      await Promise.race([exchange.idle, quiet()]);
      const content = reply.content as unknown as ExecuteOutcome;
      // Stock tslab says 'abort' where the protocol says 'aborted'.
      return reply.content.status === 'abort' ? { ...content, status: 'aborted' as const } : content;
    });
    const died = this.exit.then(async (exit): Promise<ExecuteOutcome> => {
      // What the kernel sent before it died may still be on its way.
      await sleep(50);
      return { status: 'dead', exit };
    });
    return Promise.race([answered, died]);
  }

  /** Any other request on the shell channel (complete_request, inspect_request ...): its reply's content. */
  async request(type: string, content: MessageContent): Promise<MessageContent> {
    const { reply } = this.channels.request('shell', type, content);
    const dead = this.exit.then(() => Promise.reject(new Error(`the kernel died over ${type}`)));
    return (await Promise.race([reply, dead])).content;
  }

  /** Asks the running cell to stop, in the way that the kernelspec names. */
  interrupt(): void {
    if (this.ending) return;
    if (this.spec.interrupt_mode === 'message') this.channels.request('control', 'interrupt_request', {});
    else this.process.interrupt();
  }

  /** Says goodbye, and ends the process if it does not go within 1.5 s. */
  async shutdown(): Promise<KernelExit> {
    if (this.ending === undefined) {
      this.channels.request('control', 'shutdown_request', { restart: false });
      await Promise.race([this.exit, sleep(GOODBYE_MILLISECONDS, undefined, { ref: false })]);
    }
    return this.kill();
  }

  /** Ends the process and what it started, at once. */
  kill(): Promise<KernelExit> {
    return (this.ending ??= this.end());
  }

  private async end(): Promise<KernelExit> {
    this.process.kill();
    const exit = await this.exit;
    this.channels.close();
    await this.file.remove();
    return exit;
  }
}
