import { grouped } from '../../formats/text.js';
import type { CellFailure } from '../kernel/cellRun.js';
import type { Message, MessageContent } from '../kernel/wire.js';
import { isObject } from '../../formats/json.js';
import { lines, type Metadata, type Output } from './notebook.js';
import { fileLimits, furtherOutputs, KeptText, limitedDisplay, limitedFailure, sizeOf } from './outputLimits.js';
import type { OutputLimits } from './outputLimits.js';
import type { Clean } from './machinePaths.js';

type Display = Extract<Output, { data: unknown }>;
type Stream = Extract<Output, { output_type: 'stream' }>;

/** An output and the characters it takes; a text that still grows is kept in pieces. */
interface Shown {
  output: Exclude<Output, Stream> | (Omit<Stream, 'text'> & { text: KeptText });
  size: number;
}

/** What the cells that run on one kernel share: limits, the total characters of their outputs, and their displays. */
export class NotebookOutputs {
  size = 0;
  readonly areas = new Map<string, Set<OutputArea>>();

  constructor(readonly limits: OutputLimits = fileLimits) {}
}

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
  private readonly displays = new Map<string, (Shown & { output: Display })[]>();
  private size = 0;
  private leftOut = { count: 0, characters: 0 };
  private clearBeforeNext = false;

  constructor(private readonly notebook: NotebookOutputs = new NotebookOutputs()) {}

  get isEmpty(): boolean {
    return this.shown.length === 0;
  }

  add({ header, content }: Message): void {
    switch (header.msg_type) {
      case 'stream':
        this.clearIfAsked();
        return this.addStream(content.name as 'stdout' | 'stderr', content.text as string);
      case 'display_data':
      case 'execute_result':
        this.clearIfAsked();
        return this.addDisplay(header.msg_type, content);
      case 'update_display_data':
        for (const area of this.notebook.areas.get(displayId(content) ?? '') ?? []) area.update(content);
        return undefined;
      case 'error':
        return this.addError(content as unknown as CellFailure);
      case 'clear_output':
        // With `wait`, the outputs stay until something replaces them: no flicker, and the last state survives.
        if (content.wait) this.clearBeforeNext = true;
        else this.clear();
    }
  }

  /** Whether a message of another cell can change what is shown here. */
  isUpdatedBy({ header, content }: Message): boolean {
    const areas = this.notebook.areas.get(displayId(content) ?? '');
    return header.msg_type === 'update_display_data' && areas?.has(this) === true;
  }

  addError(failure: CellFailure): void {
    this.clearIfAsked();
    const error = limitedFailure(failure, this.limits);
    // A failure must be visible even after the output limit was reached.
    const first = !this.shown.some(({ output }) => output.output_type === 'error');
    this.push({ output: { output_type: 'error', ...error }, size: sizeOf(error) }, first);
  }

  /** The outputs as they are saved: text as lines, progress lines in their last state, passed through `clean`. */
  outputs(clean: (text: string) => string = (text) => text): Output[] {
    const outputs = this.shown.map(({ output }): Output => {
      if (output.output_type === 'stream') return { ...output, text: lines(clean(String(output.text))) };
      if (output.output_type !== 'error') return { ...output, data: cleanBundle(output.data, clean) };
      return { ...output, evalue: clean(output.evalue), traceback: output.traceback.map(clean) };
    });
    const { count, characters } = this.leftOut;
    if (count === 0) return outputs;
    const note = `${furtherOutputs(this.limits, count, characters)}\n`;
    return [...outputs, { output_type: 'stream', name: 'stderr', text: [note] }];
  }

  clear(): void {
    for (const id of this.displays.keys()) this.notebook.areas.get(id)?.delete(this);
    this.displays.clear();
    this.shown = [];
    this.grow(-this.size);
    this.leftOut = { count: 0, characters: 0 };
  }

  private get limits(): OutputLimits {
    return this.notebook.limits;
  }

  private get spaceLeft(): number {
    return Math.min(this.limits.cell - this.size, this.limits.notebook - this.notebook.size);
  }

  private addStream(name: 'stdout' | 'stderr', text: string): void {
    const last = this.shown.at(-1);
    const goesOn = last?.output.output_type === 'stream' && last.output.name === name ? last.output.text : undefined;
    if (last && goesOn && this.leftOut.count === 0 && text.length <= this.spaceLeft) {
      goesOn.add(text);
      this.resize(last, goesOn.length);
      return;
    }
    const kept = new KeptText(this.limits.text);
    kept.add(text);
    const fits = this.push({ output: { output_type: 'stream', name, text: kept }, size: kept.length });
    if (!fits) this.leftOut.characters += text.length - kept.length;
  }

  private addDisplay(output_type: 'display_data' | 'execute_result', content: MessageContent): void {
    const { data, metadata, size } = this.limited(content);
    const execution_count = (content.execution_count ?? null) as number | null;
    const output: Display =
      output_type === 'display_data'
        ? { output_type, data, metadata }
        : { output_type, data, metadata, execution_count };
    const display = { output, size };
    const id = displayId(content);
    if (!this.push(display) || id === undefined) return;
    this.displays.set(id, [...(this.displays.get(id) ?? []), display]);
    this.notebook.areas.set(id, (this.notebook.areas.get(id) ?? new Set()).add(this));
  }

  private update(content: MessageContent): void {
    for (const display of this.displays.get(displayId(content) ?? '') ?? []) {
      const { data, metadata, size } = this.limited(content);
      const fits = size - display.size <= this.spaceLeft;
      const note = `… an update of ${grouped(size)} characters is left out: a cell keeps at most ${grouped(this.limits.cell)} …`;
      Object.assign(display.output, fits ? { data, metadata } : { data: { 'text/plain': [note] }, metadata: {} });
      this.resize(display, fits ? size : note.length);
    }
  }

  private limited({ data, metadata }: MessageContent): ReturnType<typeof limitedDisplay> {
    const content = { data: data as Record<string, unknown>, metadata: metadata as Metadata };
    const limited = limitedDisplay(content, this.limits);
    return { ...limited, data: bundle(limited.data) };
  }

  /**
   * Shows an output if there is space or `always` is set; returns whether it did. After the first output that is left
   * out, all others are left out too.
   */
  private push(shown: Shown, always = false): boolean {
    const fits = this.leftOut.count === 0 && this.shown.length < this.limits.outputs && shown.size <= this.spaceLeft;
    if (fits || always) {
      this.shown.push(shown);
      this.grow(shown.size);
      return true;
    }
    this.leftOut.count++;
    this.leftOut.characters += shown.size;
    return false;
  }

  private resize(shown: Shown, size: number): void {
    this.grow(size - shown.size);
    shown.size = size;
  }

  private grow(characters: number): void {
    this.size += characters;
    this.notebook.size += characters;
  }

  private clearIfAsked(): void {
    if (this.clearBeforeNext) this.clear();
    this.clearBeforeNext = false;
  }
}

function displayId(content: MessageContent): string | undefined {
  return (content.transient as { display_id?: string } | undefined)?.display_id;
}

const cleaned = new WeakMap<Clean, WeakMap<object, Record<string, unknown>>>();

/**
 * Passes every text in an output's data, also inside JSON, through `clean`; images in base64 stay. The same bundle
 * gives the same object, so that a comparison sees no change.
 */
export function cleanBundle(bundle: Record<string, unknown>, clean: Clean): Record<string, unknown> {
  const known = cleaned.get(clean) ?? new WeakMap<object, Record<string, unknown>>();
  cleaned.set(clean, known);
  const before = known.get(bundle);
  if (before) return before;
  const result = Object.fromEntries(
    Object.entries(bundle).map(([mime, value]) => [mime, isEncoded(mime) ? value : cleanValue(value, clean)]),
  );
  known.set(bundle, result);
  return result;
}

const isEncoded = (mime: string): boolean => !/^text\/|[+/](json|xml|javascript)$/.test(mime);

function cleanValue(value: unknown, clean: Clean): unknown {
  const clear = (one: unknown): unknown => {
    if (typeof one === 'string') return clean(one);
    if (Array.isArray(one)) return one.map(clear);
    if (!isObject(one)) return one;
    return Object.fromEntries(Object.entries(one).map(([name, entry]) => [name, clear(entry)]));
  };
  try {
    return clear(value);
  } catch (error) {
    // Nested deeper than the stack; no page shows it either.
    if (error instanceof RangeError) return value;
    throw error;
  }
}
