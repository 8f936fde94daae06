import { setTimeout as sleep } from 'node:timers/promises';
import { checkedKernelName, findKernelSpec, shortened } from '../../jupyter/kernelSpec.js';
import { reasonOf } from '../../../errors.js';
import { KernelClient } from '../../kernel/client/kernelClient.js';
import { causeOfExit } from '../../run/events.js';
import { isObject } from '../../../formats/json.js';
import type { Variable } from '../../kernel/cellVariables.js';
import type { KernelStatus, TensorMemory } from '../protocol.js';
import { type Clock, Slice } from '../document/slice.js';
import { reportingErrors } from '../reportErrors.js';

/** A kernel that is started before a notebook is opened, so that the first notebook need not wait for it. */
export class SpareKernel {
  private kernel: Promise<KernelClient> | undefined;

  /** Starts a kernel; resolves as soon as its process runs, before it answers, or when it fails to start. */
  static async begin(name: string, cwd: string): Promise<SpareKernel> {
    const spare = new SpareKernel(name, cwd);
    await new Promise<void>((onSpawn) => {
      const start = async (): Promise<KernelClient> => KernelClient.start({ spec: findKernelSpec(name), cwd, onSpawn });
      const kernel = (spare.kernel = start());
      const forget = (): void => {
        if (spare.kernel === kernel) spare.kernel = undefined;
        onSpawn();
      };
      kernel.then(({ exit }) => exit).then(forget, forget);
    });
    return spare;
  }

  private constructor(
    private readonly name: string,
    private readonly cwd: string,
  ) {}

  /** Whether a kernel with this name and folder waits here, or is starting. */
  suits(name: unknown, cwd: string): boolean {
    return this.kernel !== undefined && name === this.name && cwd === this.cwd;
  }

  /** Hands over the kernel, once, if it has this name and folder; undefined otherwise, or if it has ended. */
  take(name: unknown, cwd: string): Promise<KernelClient> | undefined {
    if (!this.suits(name, cwd)) return undefined;
    const { kernel } = this;
    this.kernel = undefined;
    return kernel;
  }

  /** Ends the kernel if no notebook took it. */
  async end(): Promise<void> {
    const kernel = await this.kernel?.catch(() => undefined);
    this.kernel = undefined;
    await kernel?.kill();
  }
}

/** The first completion of a kernel takes a while: its compiler has to read the library's types. */
const PATIENCE_MILLISECONDS = 15_000;
const LONGEST_NAME = 100;
const LONGEST_TEXT = 200;

const DEAF =
  'The cell did not heed the interrupt, so that its kernel was ended and another one started. Its variables are gone; what is shown and saved stays.';

/** The kernel of an open notebook: at most one at a time, started when first needed, and its state for the pages. */
export class LiveKernel {
  readonly status: Slice<KernelStatus>;
  readonly variables: Slice<Variable[]>;
  readonly tensors: Slice<TensorMemory | null>;
  /** Called when a kernel is gone. */
  onGone: (() => void) | undefined;
  /** A kernel that did not tell its variables, or is being asked for them. */
  private unasked: KernelClient | undefined;
  private running: Promise<KernelClient> | undefined;
  /** Counts kernels, so that a kernel that was given up no longer changes the state. */
  private generation = 0;
  private interrupting: AbortController | undefined;
  private readonly name: string;

  constructor(
    clock: Clock,
    /** The kernel's name in the notebook's metadata, which may be of any type. */
    readonly asked: unknown,
    private readonly cwd: string,
    private readonly spare?: SpareKernel,
  ) {
    this.name = typeof asked === 'string' ? asked.slice(0, LONGEST_NAME) : shortened(asked);
    this.status = new Slice<KernelStatus>(clock, { state: 'off', name: this.name, ...faultOf(asked) });
    this.variables = new Slice<Variable[]>(clock, []);
    this.tensors = new Slice<TensorMemory | null>(clock, null);
  }

  get(): Promise<KernelClient> {
    return (this.running ??= this.start());
  }

  async started(): Promise<void> {
    await this.running?.catch(() => undefined);
  }

  /** Notes that cells run, or that none runs any more. */
  mark(busy: boolean): void {
    const { state } = this.status.get();
    if (!busy) this.calm();
    if (busy) this.say(state === 'interrupting' || state === 'starting' ? state : 'busy');
    else if (state === 'busy' || state === 'interrupting') this.say('idle');
  }

  begin(): AbortSignal {
    this.interrupting = new AbortController();
    return this.interrupting.signal;
  }

  /** Notes that the cell has ended, so that its interrupt does not apply to the next one. */
  calm(): void {
    this.interrupting = undefined;
    if (this.status.get().state === 'interrupting') this.say('busy');
  }

  /** Asks the running cell to stop. If it does not stop soon, its kernel is ended and another one started. */
  interrupt(): void {
    if (this.status.get().state !== 'busy' || !this.interrupting) return;
    this.say('interrupting');
    this.interrupting.abort();
  }

  /** Ends the kernel, if there is one. Unless `atOnce`, it is asked to shut down by itself. */
  async stop(atOnce = false): Promise<void> {
    const ending = this.running;
    this.running = undefined;
    this.generation++;
    this.interrupting = undefined;
    this.say('off');
    this.forget();
    const kernel = await ending?.catch(() => undefined);
    await (atOnce ? kernel?.kill() : kernel?.shutdown());
  }

  /** Sends the kernel a request other than to run a cell; undefined without a kernel, or without an answer in 15 s. */
  async ask(type: string, content: Record<string, unknown>): Promise<Record<string, unknown> | undefined> {
    if (!this.running) return undefined;
    const answer = this.running.then((kernel) => kernel.request(type, content)).catch(() => undefined);
    return Promise.race([answer, sleep(PATIENCE_MILLISECONDS, undefined, { ref: false })]);
  }

  /** Asks the kernel for its variables, if it supports that; resolves when they are known. */
  async lookAtVariables(): Promise<void> {
    const kernel = await this.running?.catch(() => undefined);
    if (!kernel || kernel === this.unasked) return;
    this.unasked = kernel;
    const answer = await this.ask('variables_request', {});
    if (answer?.status !== 'ok' || (await this.running) !== kernel) return;
    this.unasked = undefined;
    this.showVariables(answer);
  }

  /** Forgets the variables of a kernel that is gone. */
  private forget(): void {
    this.showVariables();
    this.onGone?.();
  }

  private showVariables({ variables, tensors }: Record<string, unknown> = {}): void {
    this.variables.set(Array.isArray(variables) ? variables.filter(isObject).map(variableOf) : []);
    const told = isObject(tensors) ? { count: Number(tensors.count), bytes: Number(tensors.bytes) } : null;
    this.tensors.set(told);
  }

  private async start(): Promise<KernelClient> {
    const { name, asked } = this;
    this.say('starting');
    const generation = ++this.generation;
    const current = (): boolean => this.generation === generation;
    try {
      const own = async (): Promise<KernelClient> => KernelClient.start({ spec: findKernelSpec(asked), cwd: this.cwd });
      // A spare kernel may have been ended while it was starting.
      const kernel = await (this.spare?.take(asked, this.cwd)?.catch(own) ?? own());
      if (!current()) return kernel;
      const { spec } = kernel;
      this.status.set({ state: 'idle', name: spec.display_name });
      void kernel.exit.then((exit) => {
        if (!current()) return;
        this.running = undefined;
        const deaf = this.interrupting?.signal.aborted;
        this.interrupting = undefined;
        this.forget();
        reportingErrors('a kernel that has ended', () => kernel.kill());
        if (deaf) {
          reportingErrors('a kernel that starts again', () => this.startAgain());
          return;
        }
        const cause = causeOfExit(exit);
        const note = `${cause[0].toUpperCase()}${cause.slice(1)}. Its variables are gone; what is shown and saved stays.`;
        this.status.set({ state: 'dead', name: spec.display_name, note });
      });
      return kernel;
    } catch (error) {
      if (current()) {
        this.running = undefined;
        this.status.set({ state: 'dead', name, note: `The kernel did not start: ${reasonOf(error)}` });
      }
      throw error;
    }
  }

  private say(state: KernelStatus['state'], more: Partial<KernelStatus> = {}): void {
    this.status.set({ state, name: this.status.get().name, ...more });
  }

  private async startAgain(): Promise<void> {
    const generation = this.generation + 1;
    try {
      await this.get();
    } catch {
      return; // The status says why.
    }
    if (this.generation === generation) this.status.set({ ...this.status.get(), note: DEAF });
  }
}

/** Converts a variable that a kernel reports; it may be any kernel, so no field is trusted. */
function variableOf({ name, type, shape, size, bytes, text }: Record<string, unknown>): Variable {
  return {
    name: String(name),
    type: String(type).slice(0, LONGEST_TEXT),
    text: String(text).slice(0, LONGEST_TEXT),
    ...(Array.isArray(shape) ? { shape: shape.map(Number) } : {}),
    ...(typeof size === 'number' ? { size } : {}),
    ...(typeof bytes === 'number' ? { bytes } : {}),
  };
}

/** The note on an invalid kernel name in a notebook's metadata, shown before anything runs. */
function faultOf(name: unknown): { note?: string } {
  try {
    checkedKernelName(name);
    return {};
  } catch (error) {
    return { note: `No cell of this notebook can run until its metadata is mended: ${(error as Error).message}.` };
  }
}
