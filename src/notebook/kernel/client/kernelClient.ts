import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { UserError } from '../../../errors.js';
import { commandOf, type KernelSpec } from '../../jupyter/kernelSpec.js';
import { headerOf, type Message, type MessageContent } from '../wire.js';
import { type Channels, firstContact } from './channels.js';
import { type ConnectionFile, createConnectionFile, type Transport } from './connection.js';
import { type KernelExit, KernelProcess } from './kernelProcess.js';

interface Answer {
  status: 'ok' | 'error' | 'aborted';
  execution_count: number | null;
  ename: string;
  evalue: string;
}

/** The kernel's answer to execute_request, or how the kernel died. */
export type ExecuteOutcome = Answer | { status: 'dead'; exit: KernelExit };

export interface KernelOptions {
  spec: KernelSpec;
  /** The folder in which cells run; Jupyter uses the notebook's. */
  cwd: string;
  /** Seconds to wait for the kernel to answer; 60 by default. */
  startTimeout?: number;
  signal?: AbortSignal;
  /** Called when the kernel's process runs; it will answer in a second or two. */
  onSpawn?: () => void;
}

/** Stock tslab can lose the 'idle' that ends a request; after this long without a message, none will come. */
const SILENCE_MILLISECONDS = 3000;
const GOODBYE_MILLISECONDS = 1500;
/** How long to wait until a dead kernel's publishing socket is closed. */
const LINE_CLOSED_MILLISECONDS = 2000;
/** After this many turns of the event loop without a message, everything that reached this process has been read. */
const QUIET_TURNS = 4;

/** A running kernel: starts it, has it execute code, interrupts it and ends it. It needs no Python. */
export class KernelClient {
  readonly exit: Promise<KernelExit>;
  private ending: Promise<KernelExit> | undefined;
  /** Receives the messages of the last cell that ran. */
  private listener: ((message: Message) => void) | undefined;
  /** Settles when all messages of the last cell that ran have been received. */
  private heard: Promise<unknown> = Promise.resolve();

  /** Starts a kernel and waits until it answers; throws UserError when it does not come up. */
  static async start(options: KernelOptions): Promise<KernelClient> {
    const own = options.spec.metadata?.sparsebook?.transport === 'ipc';
    for (let attempt = 1; ; attempt++) {
      try {
        return await KernelClient.startOnce(options, own && attempt === 1 ? 'ipc' : 'tcp');
      } catch (error) {
        // Not every file system has sockets; and another program may take a port between its choice and the kernel's
        // start.
        const mayPass =
          error instanceof Error && /open its sockets|EADDRINUSE|Address already in use/i.test(error.message);
        if (attempt === 3 || !mayPass) throw error;
      }
    }
  }

  private static async startOnce(
    { spec, cwd, startTimeout = 60, signal, onSpawn }: KernelOptions,
    transport: Transport,
  ): Promise<KernelClient> {
    const file = await createConnectionFile(transport);
    const command = commandOf(spec, file.path);
    let child: KernelProcess | undefined;
    try {
      child = await KernelProcess.start(command, cwd, spec.env ?? {}).catch((error: Error) => {
        throw new UserError(`kernel '${spec.name}' cannot start: ${error.message} (from ${spec.file})`);
      });
      onSpawn?.();
      const contact = await firstContact(file, child.exit, startTimeout, signal);
      if (contact === 'late') {
        throw new UserError(`kernel '${spec.name}' did not answer within ${startTimeout} s (from ${spec.file})`);
      }
      if ('ended' in contact) {
        const { code, signal: by, lastWords } = contact.ended;
        const how = by ? `was ended by ${by}` : `ended with exit code ${code}`;
        throw new UserError(`kernel '${spec.name}' ${how} while starting (from ${spec.file})\n${lastWords.trim()}`);
      }
      return new KernelClient(spec, child, contact.channels, file, contact.info);
    } catch (error) {
      child?.kill();
      await child?.exit;
      await file.remove();
      throw error;
    }
  }

  private constructor(
    readonly spec: KernelSpec,
    private readonly child: KernelProcess,
    private readonly channels: Channels,
    private readonly file: ConnectionFile,
    /** The kernel's description of itself (kernel_info_reply). */
    readonly info: MessageContent,
  ) {
    this.exit = child.exit;
    // Output of the process itself is treated as if a cell had printed it.
    child.onOutput = (name, text) =>
      this.listener?.({ header: headerOf('stream'), parent_header: {}, metadata: {}, content: { name, text } });
  }

  get pid(): number {
    return this.child.pid;
  }

  /**
   * Runs code and resolves when the kernel has answered and sent all of its output, or is dead; never rejects.
   * `onMessage` receives the messages of the iopub channel, in order, and the output of the process itself as stream
   * messages.
   */
  async execute(code: string, onMessage?: (message: Message) => void): Promise<ExecuteOutcome> {
    if (this.ending) return { status: 'dead', exit: await this.ending };
    let lastHeard = performance.now();
    const hear = (message: Message): void => {
      lastHeard = performance.now();
      try {
        onMessage?.(message);
      } catch (error) {
        // The messages after one that cannot be processed must still be received.
        process.emitWarning(`a message of type '${message.header.msg_type}' could not be taken in: ${inspect(error)}`);
      }
    };
    const content = { code, silent: false, store_history: true, allow_stdin: false, stop_on_error: false };
    const exchange = this.channels.request('shell', 'execute_request', { ...content, user_expressions: {} }, hear);
    this.listener = hear;
    const silence = async (milliseconds: number): Promise<void> => {
      lastHeard = performance.now();
      let left: number;
      while ((left = lastHeard + milliseconds - performance.now()) > 0) await sleep(left, undefined, { ref: false });
    };
    const answered = exchange.reply.then(async (reply) => {
      await Promise.race([exchange.idle, silence(SILENCE_MILLISECONDS)]);
      // The output of the process itself takes another path, and may arrive a turn later.
      for (let turn = 0; turn < 2; turn++) await nextTurn();
      return outcomeOf(reply.content);
    });
    const died = this.exit.then(async (exit): Promise<ExecuteOutcome> => {
      // Messages that the kernel sent before it died may still be in transit, on a busy machine for longer than any
      // pause.
      await this.channels.closedWithin(LINE_CLOSED_MILLISECONDS);
      for (let quiet = 0; quiet < QUIET_TURNS; quiet++) {
        const before = lastHeard;
        await nextTurn();
        if (lastHeard !== before) quiet = 0;
      }
      return { status: 'dead', exit };
    });
    const outcome = Promise.race([answered, died]);
    this.heard = outcome;
    await outcome;
    this.file.state.interrupt(false);
    return outcome;
  }

  /**
   * Sends any other request on the shell channel (complete_request, inspect_request ...) and returns its reply's
   * content. Throws if the kernel dies.
   */
  async request(type: string, content: MessageContent): Promise<MessageContent> {
    const { reply } = this.channels.request('shell', type, content);
    const dead = this.exit.then(() => Promise.reject(new Error(`the kernel died over ${type}`)));
    return (await Promise.race([reply, dead])).content;
  }

  /** Asks the running cell to stop, in the way that the kernelspec states. */
  interrupt(): void {
    if (this.ending) return;
    this.file.state.interrupt(true);
    if (this.spec.interrupt_mode === 'message') this.channels.request('control', 'interrupt_request', {});
    else this.child.interrupt();
  }

  /** Asks the kernel to shut down, and kills the process if it does not end within 1.5 s. */
  async shutdown(): Promise<KernelExit> {
    if (this.ending === undefined) {
      this.channels.request('control', 'shutdown_request', { restart: false });
      await Promise.race([this.exit, sleep(GOODBYE_MILLISECONDS, undefined, { ref: false })]);
    }
    return this.kill();
  }

  /** Kills the process and everything that it started. */
  kill(): Promise<KernelExit> {
    return (this.ending ??= this.end());
  }

  private async end(): Promise<KernelExit> {
    this.child.kill();
    const exit = await this.exit;
    // If the kernel has died by itself, its last messages must still be received.
    await this.heard;
    this.channels.close();
    await this.file.remove();
    return exit;
  }
}

function outcomeOf({ status, execution_count, ename, evalue }: MessageContent): Answer {
  // Stock tslab says 'abort' where the protocol says 'aborted'.
  const outcome = status === 'abort' || status === 'aborted' ? 'aborted' : status === 'ok' ? 'ok' : 'error';
  return { status: outcome, execution_count, ename, evalue } as Answer;
}
