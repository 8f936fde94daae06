import type { CellFailure } from '../kernel/cellFailure.js';
import type { Message, MessageContent } from '../kernel/wire.js';
import { cleanBundle } from './machinePaths.js';
import { lines, type Metadata, type Output } from './notebook.js';
import { KeptText } from './keptText.js';
import { furtherOutputs, limitedBundle, limitedFailure, unlimited, type OutputLimits } from './outputLimits.js';

type Display = Extract<Output, { data: unknown }>;
type Stream = Extract<Output, { output_type: 'stream' }>;
/** A text that still grows is kept in pieces. */
type Shown = Exclude<Output, Stream> | (Omit<Stream, 'text'> & { text: KeptText });

/** The outputs that carry a display id, in any cell of the notebook: an update changes all of them. */
export type Displays = Map<string, Display[]>;

/** nbformat keeps text as lines and leaves base64 and JSON as they are. */
function bundle(data: Record<string, unknown>): Record<string, unknown> {
  const isText = (mime: string): boolean => /^text\/|^image\/svg\+xml$|^application\/javascript$/.test(mime);
  return Object.fromEntries(
    Object.entries(data).map(([mime, value]) => [
      mime,
      typeof value === 'string' && isText(mime) ? lines(value) : value,
    ]),
  );
}

/** Folds the messages that a cell's execution publishes into the outputs that a notebook saves. */
export class OutputArea {
  private shown: Shown[] = [];
  private leftOut = 0;
  private clearBeforeNext = false;

  constructor(
    private readonly displays: Displays = new Map(),
    private readonly limits: OutputLimits = unlimited,
  ) {}

  /** Whether nothing is shown. */
  get isEmpty(): boolean {
    return this.shown.length === 0;
  }

  /** Takes a message of the iopub channel; returns whether it changed an output. */
  add({ header, content }: Message): boolean {
    switch (header.msg_type) {
      case 'stream':
        this.clearIfAsked();
        this.addStream(content.name as 'stdout' | 'stderr', String(content.text));
        return true;
      case 'display_data':
      case 'execute_result':
        this.clearIfAsked();
        this.addDisplay(header.msg_type, content);
        return true;
      case 'update_display_data':
        for (const display of this.displays.get(displayId(content) ?? '') ?? []) {
          display.data = this.bundle(content);
          display.metadata = (content.metadata ?? {}) as Metadata;
        }
        return true;
      case 'error':
        this.addError(content as unknown as CellFailure);
        return true;
      case 'clear_output':
        // With `wait`, what is shown stays until something takes its place: no flicker, and the last state survives.
        if (content.wait) this.clearBeforeNext = true;
        else this.clear();
        return true;
      default:
        return false;
    }
  }

  /** Takes an error. */
  addError(failure: CellFailure): void {
    this.clearIfAsked();
    this.push({ output_type: 'error', ...limitedFailure(failure, this.limits) });
  }

  /** The outputs as they are saved: text as lines, progress lines in their last state, passed through `clean`. */
  outputs(clean: (text: string) => string = (text) => text): Output[] {
    const outputs = this.shown.map((output): Output => {
      if (output.output_type === 'stream') return { ...output, text: lines(clean(String(output.text))) };
      if (output.output_type !== 'error') return { ...output, data: cleanBundle(output.data, clean) };
      return { ...output, evalue: clean(output.evalue), traceback: output.traceback.map(clean) };
    });
    if (this.leftOut === 0) return outputs;
    return [...outputs, { output_type: 'stream', name: 'stderr', text: [furtherOutputs(this.leftOut, this.limits)] }];
  }

  private addStream(name: 'stdout' | 'stderr', text: string): void {
    const last = this.shown.at(-1);
    if (last?.output_type === 'stream' && last.name === name && this.leftOut === 0) return last.text.add(text);
    const kept = new KeptText(this.limits.text);
    kept.add(text);
    this.push({ output_type: 'stream', name, text: kept });
  }

  private addDisplay(output_type: 'display_data' | 'execute_result', content: MessageContent): void {
    const data = this.bundle(content);
    const metadata = (content.metadata ?? {}) as Metadata;
    const execution_count = (content.execution_count ?? null) as number | null;
    const display: Display =
      output_type === 'display_data'
        ? { output_type, data, metadata }
        : { output_type, data, metadata, execution_count };
    const id = displayId(content);
    if (id !== undefined) this.displays.set(id, [...(this.displays.get(id) ?? []), display]);
    this.push(display);
  }

  private bundle({ data }: MessageContent): Record<string, unknown> {
    return bundle(limitedBundle(data as Record<string, unknown>, this.limits));
  }

  private push(output: Shown): void {
    if (this.shown.length < this.limits.outputs) this.shown.push(output);
    else this.leftOut++;
  }

  private clear(): void {
    this.shown = [];
    this.leftOut = 0;
  }

  private clearIfAsked(): void {
    if (this.clearBeforeNext) this.clear();
    this.clearBeforeNext = false;
  }
}

function displayId(content: MessageContent): string | undefined {
  return (content.transient as { display_id?: string } | undefined)?.display_id;
}
