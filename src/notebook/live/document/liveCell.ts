import { isDeepStrictEqual } from 'node:util';
import { partsOf, isExecuted, joined, lines, newCell, secondsTaken } from '../../run/notebook.js';
import type { Cell, Output, TextCell } from '../../run/notebook.js';
import { faultOf } from '../../report/provenance.js';
import { furtherOutputs, liveLimits } from '../../run/outputLimits.js';
import type { CellPatch, CellRun, CellText, CellType, OutputsPatch } from '../protocol.js';
import { type Clock, Slice } from './slice.js';

/** Renders what a cell holds as HTML that is safe in a page; what cannot be shown becomes a notice. Never throws. */
export interface Renderer {
  markdown(cell: TextCell): string;
  output(output: Output, number: number): string;
  notice(text: string): string;
}

/** A cell of an open notebook: the cell as it is saved, and what pages show of it. */
export class LiveCell {
  private readonly text: Slice<Omit<CellText, 'html'>>;
  private readonly run: Slice<CellRun>;
  private readonly outputs: OutputList;
  private html: { source: string; html: string } | undefined;
  private state: CellRun['state'] = 'idle';
  /**
   * The names that it uses and that have changed since it ran, none if its source has; undefined if it is not stale.
   */
  private because: string[] | undefined;

  constructor(
    clock: Clock,
    private saved: Cell,
  ) {
    this.text = new Slice(clock, this.textNow());
    this.run = new Slice(clock, this.runNow());
    this.outputs = new OutputList(clock, shownOutputs(saved));
  }

  get cell(): Cell {
    return this.saved;
  }

  get id(): string {
    return this.saved.id;
  }

  get source(): string {
    return joined(this.saved.source);
  }

  edit(source: string, by?: string): void {
    this.saved.source = lines(source);
    this.text.set(this.textNow(by));
    this.run.set(this.runNow());
  }

  /** Changes the type of the cell; the outputs of a code cell are dropped. */
  become(type: CellType): void {
    const { id, metadata, source } = this.saved;
    if (type === this.saved.cell_type) return;
    this.saved = newCell(type, { id, metadata, source });
    this.refresh();
  }

  mark(state: CellRun['state']): void {
    this.state = state;
    this.run.set(this.runNow());
  }

  /** Marks the cell as stale because of these names (none: because of its own source), or as not stale (undefined). */
  markStale(because: string[] | undefined): void {
    this.because = because;
    this.run.set(this.runNow());
  }

  /** Whether the cell never ran. */
  get isMissing(): boolean {
    return this.faultNow() === 'missing';
  }

  /** Reads the saved cell again after a run wrote into it; returns whether its outputs changed. */
  refresh(): boolean {
    this.text.set(this.textNow(this.text.get().by));
    this.run.set(this.runNow());
    return this.outputs.set(shownOutputs(this.saved));
  }

  /** The characters of HTML that a page holds for its outputs. */
  get pageSize(): number {
    return this.outputs.size;
  }

  /** What changed after `version`, and outputs changed after `outputsSeen`; undefined if nothing did. */
  since(version: number, renderer: Renderer, space: SpaceLeft, outputsSeen = version): CellPatch | undefined {
    const text = this.text.since(version);
    const run = this.run.since(version);
    const outputs = this.outputs.since(outputsSeen, renderer, space);
    if (!text && !run && !outputs) return undefined;
    return {
      ...(text && { text: { ...text, ...this.rendered(text, renderer) } }),
      ...(run && { run }),
      ...(outputs && { outputs }),
    };
  }

  private rendered({ type, source }: Omit<CellText, 'html'>, renderer: Renderer): { html?: string } {
    if (type !== 'markdown' || this.saved.cell_type === 'code') return {};
    if (this.html?.source !== source) {
      this.html = { source, html: renderer.markdown(this.saved) };
    }
    return { html: this.html.html };
  }

  private textNow(by?: string): Omit<CellText, 'html'> {
    const { cell_type: type, metadata } = this.saved;
    const { source, outputs } = partsOf(this.saved);
    const folded = [
      ...(source === 'shown' ? [] : ['source' as const]),
      ...(outputs === 'shown' ? [] : ['outputs' as const]),
    ];
    return {
      type,
      source: this.source,
      tags: metadata.tags ?? [],
      ...(folded.length > 0 && { folded }),
      ...(by === undefined ? {} : { by }),
    };
  }

  private runNow(): CellRun {
    const { saved, state } = this;
    if (saved.cell_type !== 'code') return { state: 'idle', count: null };
    const count = Number.isSafeInteger(saved.execution_count) ? saved.execution_count : null;
    if (state !== 'idle') return { state, count };
    const fault = this.faultNow();
    const seconds = count === null ? undefined : secondsTaken(saved);
    return {
      state,
      count,
      ...(seconds === undefined ? {} : { seconds }),
      ...(fault === 'missing' || fault === undefined ? {} : { fault }),
      ...(fault === 'stale' && this.because?.length ? { because: this.because } : {}),
    };
  }

  /** Why the outputs may be wrong. A failed cell is `failed` even if what it uses has changed since. */
  private faultNow(): ReturnType<typeof faultOf> {
    try {
      return faultOf(this.saved) ?? (this.because && isExecuted(this.saved) ? 'stale' : undefined);
    } catch {
      // Outputs that do not follow nbformat tell nothing.
      return undefined;
    }
  }
}

/**
 * The outputs that pages show of a cell, at most as many as a run would keep. Anything but a list counts as one output.
 */
function shownOutputs(cell: Cell): Output[] {
  if (cell.cell_type !== 'code') return [];
  const outputs = Array.isArray(cell.outputs) ? cell.outputs : [cell.outputs as unknown as Output];
  // A run adds an output that says how many it left out.
  const more = outputs.length - liveLimits.outputs;
  if (more <= 1) return outputs;
  const note = furtherOutputs(liveLimits, more);
  return [...outputs.slice(0, liveLimits.outputs), { output_type: 'stream', name: 'stderr', text: [note] }];
}

interface Item {
  output: Output;
  version: number;
  html?: string;
}

class OutputList {
  private items: Item[] = [];
  private lengthVersion: number;

  constructor(
    private readonly clock: Clock,
    outputs: Output[],
  ) {
    this.lengthVersion = clock.tick();
    this.set(outputs);
  }

  /** Takes the current outputs; returns whether any differs from before. */
  set(outputs: Output[]): boolean {
    const before = this.items;
    const changed = outputs.length !== before.length;
    if (changed) this.lengthVersion = this.clock.tick();
    this.items = outputs.map((output, index) => {
      const old = before.at(index);
      return old && isDeepStrictEqual(old.output, output) ? old : { output, version: this.clock.tick() };
    });
    return changed || this.items.some((item, index) => item.version !== before[index].version);
  }

  get size(): number {
    return this.items.reduce((sum, { html = '' }) => sum + html.length, 0);
  }

  /** The outputs that changed after a version; undefined if none did. `space` is how much the page can still take. */
  since(version: number, renderer: Renderer, space: SpaceLeft): OutputsPatch | undefined {
    const late = [...this.items.entries()].filter(([, item]) => item.version > version);
    if (late.length === 0 && this.lengthVersion <= version) return undefined;
    const changed = late.map(([index, item]): [number, string] => {
      item.html ??= within(space, renderer.output(item.output, index + 1), renderer);
      return [index, item.html];
    });
    return { length: this.items.length, changed: Object.fromEntries(changed) };
  }
}

/** The characters of HTML that a page can still hold. */
export interface SpaceLeft {
  left: number;
}

function within(space: SpaceLeft, html: string, renderer: Renderer): string {
  const fits = html.length <= space.left;
  const shown = fits
    ? html
    : renderer.notice('An output is left out here: the page holds as much as it can. It is kept, and saved.');
  space.left -= shown.length;
  return shown;
}
