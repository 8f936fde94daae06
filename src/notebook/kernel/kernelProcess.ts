import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** How a kernel's process ended. */
export interface KernelExit {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** The last 8 kB that the process itself (not a cell) wrote. */
  lastWords: string;
}

const ON_WINDOWS = process.platform === 'win32';
const LAST_WORDS = 8192;

/** The kernels of this process, which end with it. */
const running = new Set<KernelProcess>();
process.on('exit', () => running.forEach((kernel) => kernel.kill()));

/** The process of a kernel, and everything it starts, as one group that ends together. */
export class KernelProcess {
  /** Resolves when the process is gone, however that came about. */
  readonly exit: Promise<KernelExit>;
  private readonly child: ChildProcess;
  private lastWords = '';

  /** Starts the command; throws when it cannot be found. */
  static async start(command: string[], cwd: string, env: Record<string, string>): Promise<KernelProcess> {
    const kernel = new KernelProcess(command, cwd, env);
    await once(kernel.child, 'spawn');
    return kernel;
  }

  private constructor([program, ...args]: string[], cwd: string, env: Record<string, string>) {
    this.child = spawn(program, args, {
      cwd,
      // A group of its own: Ctrl-C in the terminal reaches us alone, and we decide what the kernel hears.
      detached: !ON_WINDOWS,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, JPY_PARENT_PID: String(process.pid), ...env },
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.lastWords = (this.lastWords + text).slice(-LAST_WORDS);
      });
    }
    this.child.once('spawn', () => running.add(this));
    this.exit = new Promise((resolve) => {
      // 'close' comes after 'exit', when the last words have been read as well; a grandchild may hold the pipes longer.
      this.child.once('exit', (code, signal) => {
        running.delete(this);
        const end = (): void => resolve({ code, signal, lastWords: this.lastWords });
        const timer = setTimeout(end, 200);
        this.child.once('close', () => {
          clearTimeout(timer);
          end();
        });
      });
    });
  }

  /** The process id. */
  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Sends SIGINT to the kernel alone. */
  interrupt(): void {
    this.child.kill('SIGINT');
  }

  /** Ends the kernel and what it started, at once. */
  kill(): void {
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
