import { findKernelSpec } from '../../jupyter/kernelSpec.js';
import { KernelClient } from '../../kernel/client/kernelClient.js';

/** A kernel that is started before a notebook is opened, so that the first one need not wait for it. */
export class SpareKernel {
  private kernel: Promise<KernelClient> | undefined;

  /** Starts a kernel; resolves as soon as its process runs, or cannot: before it answers. */
  static async begin(name: string, cwd: string): Promise<SpareKernel> {
    let onSpawn!: () => void;
    const spawned = new Promise<void>((resolve) => (onSpawn = resolve));
    const spare = new SpareKernel(name, cwd, onSpawn);
    await Promise.race([spawned, spare.kernel?.catch(() => undefined)]);
    return spare;
  }

  private constructor(
    private readonly name: string,
    private readonly cwd: string,
    onSpawn: () => void,
  ) {
    const start = async (): Promise<KernelClient> => KernelClient.start({ spec: findKernelSpec(name), cwd, onSpawn });
    const kernel = start();
    this.kernel = kernel;
    const forget = (): void => {
      if (this.kernel === kernel) this.kernel = undefined;
    };
    kernel.then(({ exit }) => exit).then(forget, forget);
  }

  /** Whether a kernel of this name in this folder waits here, or is on its way up. */
  suits(name: unknown, cwd: string): boolean {
    return this.kernel !== undefined && name === this.name && cwd === this.cwd;
  }

  /** The kernel, once, for who wants one of this name in this folder; none if it did not come up. */
  take(name: unknown, cwd: string): Promise<KernelClient> | undefined {
    if (!this.suits(name, cwd)) return undefined;
    const { kernel } = this;
    this.kernel = undefined;
    return kernel;
  }

  /** Ends the kernel if nobody took it. */
  async end(): Promise<void> {
    const kernel = await this.kernel?.catch(() => undefined);
    this.kernel = undefined;
    await kernel?.kill();
  }
}
