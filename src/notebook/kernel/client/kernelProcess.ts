import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';

export interface KernelExit {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** The last 8 kB of output of the process itself, without what its cells publish. */
  lastWords: string;
  ended: boolean;
}

const ON_WINDOWS = process.platform === 'win32';
const LAST_WORDS = 8192;

/** The process of a kernel, and everything it starts, as one group that ends together. */
export class KernelProcess {
  readonly exit: Promise<KernelExit>;
  private readonly child: ChildProcess;
  /**
   * Receives the output of the process itself: text written directly to its descriptors, or by programs that it
   * started.
   */
  onOutput: ((name: 'stdout' | 'stderr', text: string) => void) | undefined;
  private lastWords = '';
  private ended = false;

  /** Starts the command; throws when it cannot be found. */
  static async start(command: string[], cwd: string, env: Record<string, string>): Promise<KernelProcess> {
    const kernel = new KernelProcess(command, cwd, env);
    await once(kernel.child, 'spawn');
    return kernel;
  }

  private constructor([program, ...args]: string[], cwd: string, env: Record<string, string>) {
    this.child = spawn(program, args, {
      cwd,
      // A group of its own: Ctrl-C in the terminal reaches only us, and we decide what to send to the kernel.
      detached: !ON_WINDOWS,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, JPY_PARENT_PID: String(process.pid), ...env },
    });
    const { stdout, stderr } = this.child;
    for (const [name, stream] of Object.entries({ stdout, stderr }) as ['stdout' | 'stderr', Readable | null][]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.lastWords = (this.lastWords + text).slice(-LAST_WORDS);
        this.onOutput?.(name, text);
      });
    }
    this.exit = new Promise((resolve) => {
      const stay = atExit(() => this.kill());
      this.child.once('error', stay);
      // 'close' comes after 'exit', when the last output has been read too. A program that the kernel started and that
      // lives on may hold the pipes for longer: they are destroyed, or we could not end before that program.
      this.child.once('exit', (code, signal) => {
        stay();
        const end = (): void => {
          clearTimeout(timer);
          for (const stream of [stdout, stderr]) stream?.destroy();
          resolve({ code, signal, lastWords: this.lastWords, ended: this.ended });
        };
        // Ends a turn after the time is up: on a busy machine the pipes may not have been read before.
        const timer = setTimeout(() => setImmediate(end), 200);
        this.child.once('close', end);
      });
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  interrupt(): void {
    this.child.kill('SIGINT');
  }

  /** Kills the kernel and everything that it started. */
  kill(): void {
    this.ended ||= this.child.exitCode === null && this.child.signalCode === null;
    // Without a pid the process never started, and a group of 0 would be our own.
    const { pid } = this.child;
    if (ON_WINDOWS || pid === undefined) this.child.kill('SIGKILL');
    else {
      try {
        process.kill(-pid, 'SIGKILL');
      } catch {
        // Already gone.
      }
    }
  }
}

const actions = new Set<() => void>();
// One listener serves all actions: Node warns about more than ten.
process.on('exit', () => actions.forEach((action) => action()));

/** Runs an action when this process ends; returns a function that cancels it. */
export function atExit(action: () => void): () => void {
  actions.add(action);
  return () => actions.delete(action);
}
